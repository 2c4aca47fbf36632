// Labels that an earlier key signed, signed anew when somebody reads them. https://atproto.com/specs/label#signature-lifecycle
import type { Signer } from '@avocet/crypto'
import type { Did } from '@avocet/syntax'
import { signLabel } from '../sign.ts'
import type { LabelStore, StoredLabel } from './store.ts'

/** Makes the function that gives labels with signatures of the key of now, and keeps those. */
export function createSigning(
  store: LabelStore,
  did: Did,
  signer: Signer,
): (labels: readonly StoredLabel[]) => Promise<readonly StoredLabel[]> {
  const key = signer.didKey
  return async (labels) => {
    const isOld = (stored: StoredLabel): boolean => stored.key !== key && stored.label.src === did
    if (!labels.some(isOld)) return labels
    const fresh: StoredLabel[] = []
    const sign: { seq: number; sig: Uint8Array; key: typeof key }[] = []
    for (const stored of labels) {
      if (!isOld(stored)) {
        fresh.push(stored)
        continue
      }
      const label = await signLabel(stored.label, signer)
      fresh.push({ ...stored, label, key })
      sign.push({ seq: stored.seq, sig: label.sig, key })
    }
    await store.write({ sign })
    return fresh
  }
}
