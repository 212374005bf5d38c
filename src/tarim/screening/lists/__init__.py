"""Lists of tokens: black, white, grey, trusted payees and devices, suspect addresses (RM-23, IN-13).

domain       what a list, an entry and a change are; masking and canonical forms of what people type
codec        a change as journal records
membership   who is on which list now: the table that decisions ask, a pure function of the records
reading      CSV and Excel files of entries, strictly
history      who was on a list at any past instant, why and from whom; rebuilt from the journal at any time
proposals    changes that wait for another person
service      use cases: propose, preview, approve, look up, export
"""
