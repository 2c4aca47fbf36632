import type { PublicKey } from '@avocet/crypto'
import {
  createDidResolver,
  handleOf,
  parseDidDocument,
  signingKey,
  withCache,
  type DidDocument,
  type DidResolver,
} from '@avocet/did'
import { isDid, type Did } from '@avocet/syntax'

/** What an account's DID document says; `handle` is what it claims. */
export type Account = { readonly key: PublicKey | null; readonly handle: string | null }

/** Finds accounts: among the documents that were given, then, where that is wanted, at plc.directory and did:web hosts. */
export class Accounts {
  readonly #given = new Map<Did, DidDocument>()
  readonly #resolver: DidResolver = withCache(createDidResolver())
  online = false

  /** @returns how many documents there were; null when it is no file of DID documents */
  add(json: unknown): number | null {
    if (typeof json !== 'object' || json === null) return null
    let count = 0
    for (const [did, value] of Object.entries(json)) {
      const parsed = parseDidDocument(value)
      if (!isDid(did) || !parsed.ok || parsed.value.id !== did) continue
      this.#given.set(did, parsed.value)
      count++
    }
    return count === 0 ? null : count
  }

  async find(did: Did): Promise<Account | null> {
    const document = this.#given.get(did) ?? (this.online ? await this.#resolve(did) : null)
    return document === null ? null : { key: signingKey(document), handle: handleOf(document) }
  }

  async #resolve(did: Did): Promise<DidDocument | null> {
    const result = await this.#resolver.resolve(did)
    return result.ok ? result.value : null
  }
}
