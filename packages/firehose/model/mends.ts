// The mends of the twenty sequences, and how to take each of them out: to see that the checker finds what they prevent.

/** A mend, as the edits of the sources that undo it. In `file` (below the package) `find` stands exactly once. */
export type Mend = {
  readonly sequence: `C${number}`
  readonly mend: string
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[]
}

const edit = (file: string, find: string, replace: string): Mend['edits'][number] => ({
  file: `src/${file}.ts`,
  find,
  replace,
})

/** A resync that is not wanted any more goes on. */
const goesOn = edit('resyncer', "if (effects.includes('end-run')) runs.get(did)?.stop.abort()", '')
/** Its parts are applied all the same. */
const applied = edit(
  'machine-run',
  `if (state.status !== 'resyncing' || state.epoch !== fact.epoch) return to(state, 'stale')
  const { rev, data, own } = fact`,
  'const { rev, data, own } = fact',
)

/** But those of an account that is gone are not. */
const appliedUnlessDeleted = {
  ...applied,
  replace:
    "if (state.upstreamStatus === 'deleted') return to(state, 'stale')\n  const { rev, data, own } = fact",
}

/** One of each sequence. */
export const MENDS: readonly Mend[] = [
  {
    sequence: 'C1',
    mend: 'parts of a resync that ended are not applied',
    edits: [goesOn, applied],
  },
  {
    sequence: 'C2',
    mend: 'a return of the account ends the resync under way',
    edits: [
      goesOn,
      appliedUnlessDeleted,
      edit(
        'machine-run',
        'return to({ ...state, ...whole, rev,',
        "return to({ ...state, ...whole, status: 'resyncing', rev,",
      ),
      edit(
        'resync-run',
        "if (repo?.status !== 'resyncing' || repo.epoch !== run.epoch) throw new Ended()",
        '',
      ),
      edit(
        'repo-events',
        "{ kind: 'doubted', reason: 'desynchronized', claimed: event.rev, retryAt: null },",
        'null,',
      ),
      edit(
        'machine',
        'const claimed = before.rev === null ? ended.claimed : UNKNOWN_REV',
        'const claimed = after.claimed',
      ),
    ],
  },
  {
    sequence: 'C3',
    mend: 'an event that is lost during a resync is remembered',
    edits: [
      edit(
        'machine',
        'return to({ ...state, claimed, lost: fact.reason })\n    case',
        'return to(state)\n    case',
      ),
    ],
  },
  {
    sequence: 'C4',
    mend: 'OutdatedCursor leaves the repos of the source unconfirmed',
    edits: [edit('reader', "if (event.name === 'OutdatedCursor') tracker.gap(options.now())", '')],
  },
  {
    sequence: 'C5',
    mend: 'so does a source that numbers anew',
    edits: [
      edit('reader', 'tracker.renumber()\n      tracker.gap(options.now())', 'tracker.renumber()'),
      edit('reader', 'joining = cursor === null &&', 'joining = false && cursor === null &&'),
    ],
  },
  {
    sequence: 'C6',
    mend: 'a rev from the future makes the repo suspect',
    edits: [
      edit(
        'repo-events',
        'UNENTITLED.has(reason) ||',
        "reason === 'rev-future' || UNENTITLED.has(reason) ||",
      ),
    ],
  },
  {
    sequence: 'C7',
    mend: 'so does a signature that does not fit',
    edits: [
      edit(
        'repo-events',
        'UNENTITLED.has(reason) ||',
        "reason === 'signature-invalid' || UNENTITLED.has(reason) ||",
      ),
    ],
  },
  {
    sequence: 'C8',
    mend: 'a DID that is not found is asked for again, soon',
    edits: [
      edit(
        'identities',
        'result.ok || !result.gone ? options.ttlMs : options.goneTtlMs',
        'result && options.ttlMs',
      ),
      edit('resync-run', 'isTerminal(code) || code ===', '(isTerminal(code) && found.ok) || code ==='),
    ],
  },
  {
    sequence: 'C9',
    mend: 'a terminal answer is believed only of the host that a fresh identity names',
    edits: [
      edit('resync-run', 'isTerminal(code) || code ===', '(isTerminal(code) && !found.ok) || code ==='),
      // To ask for the status renews the identity as well.
      edit('machine-run', 'if (!fact.terminal ||', 'if (fact.epoch >= 0 || !fact.terminal ||'),
    ],
  },
  {
    sequence: 'C10',
    mend: 'an old copy is followed by the next host',
    edits: [
      edit(
        'copies',
        '!(error instanceof ResyncError)) throw',
        "!(error instanceof ResyncError) || error.code === 'rev-regression') throw",
      ),
    ],
  },
  {
    sequence: 'C11',
    mend: 'so is one that is no repo',
    edits: [
      edit(
        'copies',
        '!(error instanceof ResyncError)) throw',
        "!(error instanceof ResyncError) || error.code === 'invalid-repo') throw",
      ),
    ],
  },
  {
    sequence: 'C12',
    mend: 'a changed filter has the repos read anew',
    edits: [edit('machine-rules', "if (state.filter === '' ||", "if (state.filter !== 'never' ||")],
  },
  {
    sequence: 'C13',
    mend: 'what cannot be a record says so',
    edits: [
      edit(
        'content',
        "if (!isObject) return without(bytes, 'malformed')",
        'if (!isObject) return { bytes, record: null, unread: null }',
      ),
    ],
  },
  {
    sequence: 'C14',
    mend: 'a block that stands once in an archive is asked for again',
    edits: [edit('resync', 'block === undefined ? {} : { recall: block }', '{}')],
  },
  {
    sequence: 'C15',
    mend: "the account's own host is asked about a status that a relay tells",
    edits: [
      edit('account-events', 'if (options.trustsRelays) return accept', 'if (Date.now() > 0) return accept'),
    ],
  },
  {
    sequence: 'C16',
    mend: 'a handle that could not be looked up stays',
    edits: [
      edit(
        'identity-events',
        'const uncertain = !result.ok || result.identity.handle === undefined',
        'const uncertain = false as boolean',
      ),
    ],
  },
  {
    sequence: 'C17',
    mend: 'a gap goes before the backlog',
    edits: [
      edit(
        'machine-rules',
        'return to({ ...state, nextTry, priority }, ',
        'return to({ ...state, nextTry, priority: 3 }, ',
      ),
    ],
  },
  {
    sequence: 'C18',
    mend: 'a repo that is known in part says so',
    edits: [
      edit('machine', '...(flags.length === 0 ? {} : { flags:', '...(flags.length >= 0 ? {} : { flags:'),
    ],
  },
  {
    sequence: 'C19',
    mend: 'while the host is silent, what a relay says changes nothing',
    edits: [
      edit(
        'account-events',
        'if (!answer.heard) return leaveOpen(item, repo, said, statuses.askAgainAt(answer))',
        'if (!answer.heard) return accept(item, repo, said, null)',
      ),
    ],
  },
  {
    sequence: 'C20',
    mend: 'it is asked again, also by the next process',
    edits: [edit('hearings', 'return { start, idle }', 'return { start: () => {}, idle }')],
  },
  {
    sequence: 'C21',
    mend: 'what a list says while the host cannot be asked is kept, and asked about later',
    edits: [edit('listed', 'repo = await statuses.leaveOpen(repo, status, answer)', '')],
  },
]
