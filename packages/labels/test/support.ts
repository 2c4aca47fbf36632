import { createKeypair, type Keypair, type PublicKey } from '@avocet/crypto'
import { signLabel, type Label, type ResolveLabelKey, type SignedLabel } from '../src/index.ts'

export const LABELER = 'did:plc:44ybard66vv44zksje25o7dz'
export const OTHER = 'did:web:other.example.com'
export const POST = 'at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3k5nobkf2w72g'
export const CID_A = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
export const CID_B = 'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

/** A moment on a day in the past, so many seconds after noon. */
export const at = (seconds: number): `${string}T${string}` =>
  new Date(Date.UTC(2024, 5, 1, 12, 0, 0) + Math.round(seconds * 1000)).toISOString() as `${string}T${string}`

export function label(fields: Partial<Label> = {}): Label {
  return { ver: 1, src: LABELER, uri: POST, val: 'spam', cts: at(0), ...fields }
}

export const keypair: Keypair = createKeypair('k256')

export async function signed(fields: Partial<Label> = {}, signer: Keypair = keypair): Promise<SignedLabel> {
  return await signLabel(label(fields), signer)
}

/** A resolver of keys that says what it was asked. */
export function keys(known: Record<string, PublicKey | null | (() => PublicKey | null)>): {
  readonly resolveKey: ResolveLabelKey
  readonly asked: string[]
} {
  const asked: string[] = []
  return {
    asked,
    async resolveKey(did, { forceRefresh }) {
      asked.push(forceRefresh ? `${did} again` : did)
      const key = known[did]
      return (typeof key === 'function' ? key() : key) ?? null
    },
  }
}
