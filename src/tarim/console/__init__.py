"""The pages people work in: a back end for front ends, in a process of its own, any number of them.

It holds no data folder, no database and no key.  Every page asks the services over HTTP with the session of the person who
looks at it, so that permission, four eyes, masking and the audit trail stay in the one place where they are; what a service
refuses, the page shows as refused.  What a person may do is looked at here only to leave out what would be refused.
"""
