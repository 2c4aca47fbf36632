// Where Avocet's firehose shows otherwise than the reference's what happened, and why.
import { because, type Allowed } from './allow-list.ts'

export const ALLOWED_EVENTS: readonly Allowed[] = [
  ...because(
    'What changes nothing makes no commit, and no event.',
    'no actions | events | #commit → none',
    'an update that changes nothing | events | #commit → none',
  ),
  ...because(
    'An operation names a record that changed; one that stayed is none.',
    'one update that changes and one that does not | #commit[0].ops.length | 2 → 1',
    'one update that changes and one that does not | #commit[0].ops[0].cid | <cid> → <cid>',
    'one update that changes and one that does not | #commit[0].ops[0].path | com.example.note/c → com.example.note/e',
    'one update that changes and one that does not | #commit[0].ops[0].prev | <cid> → <cid>',
    'one update that changes and one that does not | #commit[0].blocks.records.length | 2 → 1',
  ),
  ...because(
    'The commit before is another one, since those that change nothing were not made.',
    'one update that changes and one that does not | #commit[0].since | <tid> → <tid>',
  ),
  ...because(
    'A status that stays is not announced again; activateAccount is the way to ask for that.',
    'deactivated again | events | #account → none',
    'the operator takes it down again | events | #account → none',
  ),
  ...because(
    'An import is a commit of its own; the reference keeps the archived one and gives out a rev that it does not have.',
    'deactivated, imported, activated | #sync[0].blocks.roots[0] | <cid> → <cid>',
    'deactivated, imported, activated | #sync[0].blocks.commits[0].cid | <cid> → <cid>',
    'deactivated, imported, activated | #sync[0].blocks.commits[0].rev | <tid> → <tid>',
    'a record after the import | #commit[0].since | <tid> → <tid>',
  ),
  ...because(
    'The handle is known, so the event says it.',
    'a PLC operation is submitted | #identity[0].handle | absent → *',
  ),
]
