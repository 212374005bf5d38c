"""Watch a model in use: has what goes into it shifted, and does it still tell fraud from the rest?

columns     what is watched: the score, every feature, and what the event itself says; each cut into bins
baseline    what is usual at each hour of the week, and how much that varies from day to day (PSI, CSI, their null)
drift       the fold over events, hour by hour, the alarms, and what a state of it looks like
maturity    AUC, KS, AP and alert precision by model and segment, once the labels have had time to arrive
proposal    a document that proposes to train again, with its evidence; nothing is published by it
"""
