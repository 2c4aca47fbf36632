/** Bounds on a text of scopes. All are checked before anything is made of the text. */
export type ScopeLimits = {
  /** Characters of the whole text. */
  readonly length: number
  /** Scopes in it, unknown ones too. */
  readonly scopes: number
  /** Characters of one scope. */
  readonly scopeLength: number
  /** Parameters of one scope. */
  readonly parameters: number
}

/** Bounds on what a client asks for: 8 KB, 200 scopes. */
export const REQUEST_LIMITS: ScopeLimits = { length: 8192, scopes: 200, scopeLength: 4096, parameters: 128 }

/** Bounds on what is kept once permission sets are expanded: 64 KB, 1,024 scopes. */
export const EXPANDED_LIMITS: ScopeLimits = {
  length: 65_536,
  scopes: 1024,
  scopeLength: 65_536,
  parameters: 1024,
}
