// A real OpenID provider for tests: npm's certified `oidc-provider`, which lets anybody in under the login typed.
//
//     node openid_provider.mjs PORT RETURN_URL        prints "ready" once it listens; its second factor is said in `amr`
import * as oidc from 'oidc-provider';

const [port, returnUrl] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new oidc.Provider(issuer, {
  clients: [{ client_id: 'tarim', client_secret: 'a-secret-of-tests-only', redirect_uris: [returnUrl] }],
  claims: { openid: ['sub'], profile: ['preferred_username'] },
  conformIdTokenClaims: false,
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: `staff-${id}`, preferred_username: id }) }),
  pkce: { required: () => true },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
