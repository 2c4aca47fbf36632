// What a run is told.

/** How much of it. */
export type NetworkOptions = {
  readonly accounts: number
  /** Of them, those who never have a record that is wanted. */
  readonly bystanders: number
  readonly records: number
  /** Commits a second, of all together. */
  readonly rate: number
  /** How long accounts write, and things go wrong. */
  readonly seconds: number
  readonly seed: number
  /** Between two kills of the indexer. */
  readonly killEverySeconds: number
  /** Between two readings of one whole repo, for the indexer. */
  readonly resyncSeconds: number
  /** Acts on accounts in a minute: takedowns, moves, … */
  readonly actsPerMinute: number
  /** When to give up waiting for the index to be still, seconds from the beginning of all. */
  readonly limitSeconds: number
  readonly print?: (line: string) => void
}
