"""Syllables of Chinese and Korean names in the spellings they are met in.

A written syllable (a *surface*: "chang", "wong", "paek") stands for one or more *readings*.  A reading is a pinyin syllable
without tone, or a Korean one marked `k:`.  Two surfaces are alike when they share a reading:

    zhang {zhang}    cheung {zhang, xiang}    chang {chang, zhang, k:chang}    =chang {chang}

A surface that begins with = was read off a Chinese character: it is that pinyin syllable and nothing else.

The tables are facts about spelling: the syllables of Hanyu Pinyin (GB/T 16159, ISO 7098), Wade-Giles as pypinyin converts it,
the customary Cantonese spellings of Hong Kong and Macao, the Hokkien, Teochew and Hakka surnames of South-East Asia, and the
South Korean, North Korean and customary spellings of Korean syllables.  Tones, and which character is meant, are not known.
"""

from __future__ import annotations

from functools import cache, lru_cache
from types import MappingProxyType
from typing import Final

SYLLABLES_MAX: Final = 5
"""A name of more syllables is read as words."""
READ_OFF: Final = "="

_FINALS: Final = MappingProxyType(
    {
        "": "a o e ai ei ao ou an en ang eng er",
        "b": "a o ai ei ao an en ang eng i ie iao ian in ing u",
        "p": "a o ai ei ao ou an en ang eng i ie iao ian in ing u",
        "m": "a o e ai ei ao ou an en ang eng i ie iao iu ian in ing u",
        "f": "a o ei ou an en ang eng u",
        "d": "a e ai ei ao ou an en ang eng ong i ie iao iu ian ing u uo ui uan un",
        "t": "a e ai ao ou an ang eng ong i ie iao ian ing u uo ui uan un",
        "n": "a e ai ei ao ou an en ang eng ong i ie iao iu ian in iang ing u uo uan v ve",
        "l": "a e ai ei ao ou an ang eng ong i ia ie iao iu ian in iang ing u uo uan un v ve",
        "g": "a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang",
        "k": "a e ai ao ou an en ang eng ong u ua uo uai ui uan un uang",
        "h": "a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang",
        "j": "i ia ie iao iu ian in iang ing iong u ue uan un",
        "q": "i ia ie iao iu ian in iang ing iong u ue uan un",
        "x": "i ia ie iao iu ian in iang ing iong u ue uan un",
        "zh": "a e ai ao ou an en ang eng ong i u ua uo uai ui uan un uang",
        "ch": "a e ai ao ou an en ang eng ong i u ua uo uai ui uan un uang",
        "sh": "a e ai ei ao ou an en ang eng i u ua uo uai ui uan un uang",
        "r": "e ao ou an en ang eng ong i u ua uo ui uan un",
        "z": "a e ai ei ao ou an en ang eng ong i u uo ui uan un",
        "c": "a e ai ao ou an en ang eng ong i u uo ui uan un",
        "s": "a e ai ao ou an en ang eng ong i u uo ui uan un",
        "y": "a e ao ou an in ang ing ong i u ue uan un",
        "w": "a o ai ei an en ang eng u",
    }
)

_CUSTOMARY: Final = """
au:ou aw:ou chan:chen cheung:zhang,xiang,chang chiu:zhao,chao,qiu cheng:zheng,cheng ching:cheng,qing,zheng,jing cho:cao,zuo
choi:cai,cui chong:zhuang,zhang,chuang chow:zhou chui:xu,cui chun:zhen,jun,chun,qin,jin chung:zhong,chong,cong,song
fong:fang,kuang fok:huo foo:fu,hu fook:fu fung:feng,hong fuk:fu fun:huan ha:xia hau:hou,xiao,hao heung:xiang
hin:xuan,xian hing:xing,qing ho:he,hao hoi:hai,kai hon:han,kan hong:kang,hang,xiang hoi:hai hung:hong,xiong,kong hui:xu
ip:ye yip:ye iu:yao ka:jia,ga kai:ji,jie,qi,kai,xi kam:jin,gan kan:jian,qin,gen,kan kei:ji,qi keung:qiang,jiang
kin:jian,qian king:jing,qing kit:jie kiu:qiao,jiao ko:gao kong:jiang,gang,guang,gong koo:gu kok:guo kuen:juan,quan
kung:gong,gung kui:ju kwai:gui,kui kwan:guan,jun,kun,qun kwok:guo kwong:guang,kuang lai:li,lai lam:lin,lan lap:li lau:liu
law:luo lee:li lei:li leung:liang lik:li lim:lian,lin ling:ling,ning lit:lie lo:luo,lu,lao lok:le,luo long:lang,long
loi:lai,lei lui:lei,lv luk:lu lun:lun lung:long mak:mai man:wen,min,man,wan mei:mei,wei miu:miao mo:wu,mao,mu,mo
mok:mo mong:meng mui:mei muk:mu nam:nan ng:wu,huang ngan:yan,yin ngai:wei,ni ngok:yue,e on:an pak:bai,bo,pa
pang:peng pik:bi pong:bang,pang poon:pan pui:bei,pei,bei pun:pan po:bao,bu,bo,pu ping:ping,bing sai:shi,xi sam:cen,san,shen
san:xin,shan,san sau:xiu,shou,sou sek:shi,shuo seung:shang,xiang,shuang shek:shi sheung:shang,shuang shing:cheng,sheng,xing
shiu:shao,xiao,zhao shuk:shu,suk shui:rui,shui,xu shun:xun,shun,chun shum:cen,shen sik:xi,shi,se sin:xian,shan,qian,shan
sing:xing,cheng,sheng sit:xue siu:xiao,shao suen:sun,xuan suet:xue sui:sui,rui,shui suk:shu sum:shen,xin,cen,sen
sze:shi,si sz:shi,si tai:dai,da,di,tai tak:de tam:tan tat:da tim:tian tin:tian,dian tit:tie to:du,tao,tu,duo tong:tang,dong
tsang:zeng tse:xie tsim:zhan tsui:xu,cui tso:cao,zuo tsoi:cai tsz:zi,ci tuen:duan,dun tung:dong,tong wa:hua wah:hua
wai:wei,hui,huai wan:yun,wen,yin,wan,huan wing:yong,rong,ying woon:yuan,huan wo:he,hu wong:wang,huang woo:hu,wu wu:hu,wu
yan:ren,xin,en,yin,yan,ren yau:you,qiu yam:ren,yin ngor:e,wo fat:fa hwa:hua ing:ying jeou:jiu
yat:yi,ri yee:yi,er yeung:yang yi:yi,er yik:yi yim:yan yin:yan,xian,yin,ran
ying:ying,ying yiu:yao,yao yu:yu,ru yue:yu,yue yuen:yuan,ruan yuet:yue,yue yui:rui yuk:yu,yu yun:run,yun yung:rong,yong,weng
yum:ren,yin suk:shu zan:zhen,zan lai:li,lai kwun:guan mun:men,min,man nga:ya nin:nian pok:bo ting:ding,ting tang:deng,tang
tsun:jun,zun wun:huan,yun wut:huo oi:ai ou:ou chak:ze chau:zhou,qiu chee:zhi,ci chi:zhi,ci,qi,zi che:che,xie chit:zhe,jie
cheuk:zhuo,zhuo chin:qian,zhan,jian chor:chu cheong:zhang,xiang,chang hei:xi,qi hok:he,xue kau:qiu,jiu keng:jing,qing
kwo:guo lan:lan leong:liang lou:lu,liu,lao sou:su,shou tou:du,tao iong:yang,rong ieong:yang un:yuan,wan vong:wang,huang
tan:chen,tan ong:wang,weng goh:wu teo:zhang tay:zheng koh:xu,gao chua:cai sim:shen,shen toh:zhuo,du yeo:yang low:liu,luo
heng:wang,xing,heng kho:xu sy:shi yap:ye wee:huang,wei chia:xie seah:xie quek:guo chew:zhou loh:luo soh:su poh:fu,bao
neo:liang ngo:wu tiong:zhang,zhong chng:zhuang gan:yan,gan lian:lian,lian teoh:zhang chai:cai,chai shih:shi,shi soong:song
kuo:guo yeh:ye woei:wei jeng:zheng jong:zhong,zhang jau:zhao shiau:xiao shyu:xu jang:zhang jiun:jun jyun:jun jyh:zhi
juang:zhuang jinn:jin chwen:chuan horng:hong ming:ming fang:fang liou:liu liaw:liao
"""

_KOREAN: Final = """
kim,gim,ghim lee,li,ri,yi,rhee,i pak,park,bak,bahk choe,choi,choy jong,jung,jeong,chong,chung kang,gang cho,jo
yun,yoon,youn chang,jang im,lim,rim,yim o,oh so,seo,suh,se sin,shin kwon,gwon an,ahn ryu,yu,yoo,lyu,you chon,jeon,jun,chun
ko,go,koh mun,moon son,sohn pae,bae paek,baek,back ho,heo,hur,huh sim,shim no,roh,noh,ro kwak,gwak song,sung,seong
chu,joo,ju u,woo,wu ku,koo,gu chin,jin chi,ji om,eom,um che,jae,chae pang,bang hyon,hyun,hyeon yom,yeom pyon,byun,byeon
yo,yeo to,do sok,suk,seok yong,young,yeong,yung chol,chul,cheol,chul kyong,kyung,gyeong,kyeong myong,myung,myeong
kwang,gwang hyok,hyuk,hyeok su,soo chun,jun,joon pom,bum,beom pong,bong kil,gil kyu,gyu tae,dae,dai tong,dong
tok,deok,duk,dok hui,hee,hi hun,hoon un,eun pok,bok sop,seop,sub,sup sik,shik,sick sun,soon ung,woong kun,gun,keun,geun
kum,geum,keum kon,geon pin,bin po,bo pu,bu pil,phil sung,seung ch'on,cheon ch'ol,cheol ch'un,chun ch'ang,chang
hak,hack hyong,hyung,hyeong nyon,nyeon ryong,ryung,yong ryol,ryeol,yol mo,moh mi,mee nam,nahm rae,lae,nae ran,lan ryon,ryeon,yon
il,ihl in,ihn kyo,gyo kuk,gook,guk,kook sang,sahng sol,seol ye,yae pyong,byung,byeong hwang,whang won,weon chong,jong chu,joo
hwan,whan uk,wook,ook ik,eek min,minn ha,hah hae,hay ok,oak song,song man,mahn kap,gap chik,jik chip,jip chung,joong
""".replace("\n", " ")

_SURNAME_READINGS: Final = """
    ai an ao ba bai ban bao bei bi bian bo bu cai cao cen chai chang chao che chen cheng chi chu cui dai dang deng di diao ding
    dong dou du duan e fan fang fei feng fu gan gao ge geng gong gou gu guan gui guo ha hai han hang hao he hou hu hua huang huo
    ji jia jian jiang jiao jie jin jing ju kang ke kong kou kuai kuang lai lan lang lao le lei leng li lian liang liao lin ling
    liu long lou lu luan luo lv ma mai man mao mei meng mi miao min ming mo mou mu na nan ni nie ning niu ou pan pang pei peng
    pi ping pu qi qian qiang qiao qin qing qiu qu quan ran rao ren rong ru ruan rui sa sang sha shan shang shao she shen sheng
    shi shu shui si song su sui sun suo tan tang tao teng tian tie tong tu wan wang wei wen weng wo wu xi xia xian xiang xiao
    xie xin xing xiong xu xuan xue xun yan yang yao ye yi yin ying yong you yu yuan yue yun zan zang zeng zha zhai zhan zhang
    zhao zhen zheng zhi zhong zhou zhu zhuang zhuo zi zong zou zu zuo
    k:kim k:lee k:pak k:choe k:jong k:kang k:cho k:yun k:chang k:im k:o k:so k:sin k:kwon k:an k:ryu k:chon k:ko k:mun k:son
    k:pae k:paek k:ho k:sim k:no k:kwak k:song k:chu k:u k:ku k:chin k:chi k:om k:che k:pang k:hyon k:yom k:pyon k:yo k:to
    k:sok k:tae k:nam k:kuk k:min k:ha k:kil k:myong k:pong k:kun k:ok k:kum k:tok
"""
_SURNAMES: Final = frozenset(_SURNAME_READINGS.split())


@cache
def pinyin_syllables() -> frozenset[str]:
    """The syllables of Hanyu Pinyin without tone, about 410; v stands for the umlaut."""
    return frozenset(initial + final for initial, finals in _FINALS.items() for final in finals.split())


@cache
def _readings() -> MappingProxyType[str, frozenset[str]]:
    """Surface to readings; a surface may keep the apostrophe of Wade-Giles, which says more than the plain form."""
    from pypinyin import Style  # its tables take a third of a second to load
    from pypinyin.style import convert

    found: dict[str, set[str]] = {}
    for syllable in pinyin_syllables():
        found.setdefault(syllable, set()).add(syllable)
        wade = (convert(syllable, Style.WADEGILES, strict=True, default=syllable) or syllable).replace("v", "u")
        found.setdefault(wade, set()).add(syllable)
        found.setdefault(wade.replace("'", ""), set()).add(syllable)
        if "v" in syllable:  # the umlaut is often left out, or written as in passports
            found.setdefault(syllable.replace("v", "u"), set()).add(syllable)
            found.setdefault(syllable.replace("v", "yu"), set()).add(syllable)
    for item in _CUSTOMARY.split():
        surface, _, readings = item.partition(":")
        found.setdefault(surface, set()).update(readings.split(","))
    for group in _KOREAN.split():
        surfaces = group.split(",")
        for surface in surfaces:
            found.setdefault(surface, set()).add("k:" + surfaces[0])
    return MappingProxyType({surface: frozenset(readings) for surface, readings in found.items()})


def readings_of(surface: str) -> frozenset[str]:
    """What a written syllable may stand for; empty when it is no known syllable."""
    if surface.startswith(READ_OFF):
        return frozenset((surface[1:],))
    return _readings().get(surface, frozenset())


@cache
def _surfaces() -> MappingProxyType[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for surface, readings in sorted(_readings().items()):
        for reading in readings:
            found.setdefault(reading, []).append(surface)
    for reading in pinyin_syllables():
        found[reading].append(READ_OFF + reading)
    return MappingProxyType({reading: tuple(surfaces) for reading, surfaces in found.items()})


@lru_cache(maxsize=8192)
def alike(surface: str) -> tuple[tuple[str, float], ...]:
    """The surfaces that share a reading with this one, with their similarity, best first; itself is not among them."""
    near = {other for reading in readings_of(surface) for other in _surfaces()[reading]} - {surface}
    return tuple(sorted(((other, similarity(surface, other)) for other in near), key=lambda pair: (-pair[1], pair[0])))


@lru_cache(maxsize=65536)
def similarity(first: str, second: str) -> float:
    """How alike two written syllables are.

    1 for the same spelling, or the pinyin of the same character; 0.95 when they share a reading; 0.83 when they share one that
    a pinyin spelling would have to mean against itself (`chang` as *zhang*): just enough for a whole name; else 0.
    """
    if first.lstrip(READ_OFF) == second.lstrip(READ_OFF):
        return 1.0
    shared = readings_of(first) & readings_of(second)
    if not shared:
        return 0.0
    against_itself = any(surface in pinyin_syllables() and surface not in shared for surface in (first, second))
    return 0.83 if against_itself and not any(reading.startswith("k:") for reading in shared) else 0.95


def may_be_surname(surface: str) -> bool:
    """Whether a written syllable can be a Chinese or Korean surname."""
    return not readings_of(surface).isdisjoint(_SURNAMES)


@lru_cache(maxsize=65536)
def split_syllables(word: str) -> tuple[str, ...]:
    """The word cut into known syllables: pinyin alone before mixed spellings, fewer before more; () when impossible.

    An apostrophe divides syllables (xi'an) unless a syllable keeps it (ch'en).
    """
    known = _readings()
    if word in known:
        return (word,)
    pinyin = _cut(word, pinyin_syllables())
    return pinyin or _cut(word, frozenset(known))


def _cut(word: str, known: frozenset[str]) -> tuple[str, ...]:
    best: list[tuple[str, ...] | None] = [()] + [None] * len(word)
    for end in range(1, len(word) + 1):
        if word[end - 1] == "'" and best[end - 1]:
            best[end] = best[end - 1]
        for start in range(end - 1, max(-1, end - 8), -1):  # longer last syllables win ties: xi-ang loses to xiang
            before = best[start]
            if before is not None and word[start:end] in known:
                cut = (*before, word[start:end])
                now = best[end]
                if now is None or len(cut) <= len(now):
                    best[end] = cut
    return best[len(word)] or ()
