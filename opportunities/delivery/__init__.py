"""Delivery: bringing a submission to Slant exactly once.

Read the modules in the order of a submission's life:

1. What was asked, and where it stands.
   `kinds` - create, edit and move: the body to send, and how its record is recognised in Slant.
   `states` - the seven states, which transition is legal, and the one function that makes it.
2. May anything be sent at all?
   `holds` - the reasons why nothing is sent for now.
   `restore_guard` - whether this database was restored, copied or altered, or belongs to another Slant.
   `connection` - the client, and what `/me` says our token may do.
3. One exchange.
   `claiming` - the right to send once: state, lease, fence, key, attempt and budget in one commit.
   `sending` - the exchange itself, with no transaction open.
   `answers` - what an answer or an error makes of the submission (Slant API 3).
   `unit_alarm` - the stop when Slant shows 100 times the value sent.
4. A lost answer. The rule is reliability 2.2, in plain words docs/exactly-once.md.
   `unknown_outcome` - when to look in Slant, and when absence begins to count.
   `scanning` - reading Slant's lists, and the candidates found in them.
   `evidence` - what each look leaves for the next one, for managers and for the trail.
   `deciding` - adopt a record, send again, look again, or ask a manager.
   `settling` - the round that leases unknown submissions, looks, and applies the decision.
5. A second record that could not be prevented.
   `duplicates` - the hourly search for a second record.

`worker.tick` runs all of this in rounds. `actions.submissions` creates submissions, and `actions.reviewing`
applies what a manager decides.
"""
