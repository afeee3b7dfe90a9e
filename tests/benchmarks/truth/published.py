"""Others' figures on the same data, and what the numbers of the table mean."""

PETSHOP = """\
Published for all 52 comparable issues of the data set (the 16 here are those meant for tuning):
  the authors' traversal 0.654 top-1 / 0.827 top-3 (0.44 to 0.62 top-1 when ties fall otherwise),
  ranked correlation 0.654 / 0.827, CIRCA 0.327 / 0.731.
They are told which alarm rang, and when."""

NEZHA = """\
Published AS@1/3/5 on TrainTicket (45 faults, of which the 28 here are one day's):
  Nezha 0.867 / 0.978 / 0.978 with traces, 0.556 top-1 without metrics, 0.422 without logs;
  MicroRCA 0.200 / 0.311 / 0.444.
They are told when the fault was, and have traces; here spans only give calls and times a minute."""

LEGEND = """\
What the numbers mean
  * Nobody tells the pipeline that, when or where something was wrong. No incident: a wrong answer.
  * AC@k is the published top-k, AS@k: a true cause is among the first k; ties count as the worst.
  * Brackets: 95 % (Wilson). Of 8 or 16 cases, one or two more or fewer are chance.
  * A recording an issue (PetShop: 49 fault-free hours, then five rows), or all of the day (Nezha).
  * Scored is, of a case's time, the incident with most nodes in common with the case.
  * benign: PetShop's baselines, once each. What starts there is false, though the data calls them
    fault-free and yet PetSite's availability falls to 41 % in one.
  * These cases are for tuning: do not expect as much of others.
  * Nezha has logs and spans only around faults; in between there are metrics only."""
