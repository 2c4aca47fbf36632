/** A key that a client published. */
export interface PublishedKey {
  readonly kid: string
  readonly alg: string | undefined
  /** Public members alone. */
  readonly jwk: Readonly<Record<string, unknown>>
}

/** How a client proves who it is: not at all, or by JWTs that keys of its own sign. */
export type ClientAuth =
  | { readonly method: 'none' }
  | {
      readonly method: 'private_key_jwt'
      readonly alg: string
      /** The keys themselves, or where they are. */
      readonly keys: readonly PublishedKey[] | string
    }

/** A client, by its checked document. */
export interface Client {
  readonly id: string
  /** Apps on a person's own device, which has no document. */
  readonly isLoopback: boolean
  readonly redirectUris: readonly string[]
  /** The texts of the scopes that it may ask for. */
  readonly scopes: ReadonlySet<string>
  /** Whether it wants refresh tokens. */
  readonly renews: boolean
  readonly auth: ClientAuth
  /** As in its document: for trusted clients only. */
  readonly shown: {
    readonly name: unknown
    readonly logoUri: string | null
    readonly termsUri: string | null
    readonly policyUri: string | null
  }
}
