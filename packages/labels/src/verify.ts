// https://atproto.com/specs/label#signatures
import { verifySignature, type PublicKey, type VerifySignature } from '@avocet/crypto'
import { encodeLabel, fail, LABEL_VERSION, parseLabel, type LabelResult } from './label.ts'

/**
 * Checks a label that a stranger sent, and its signature.
 *
 * @param value as data: `sig` is a `Uint8Array`
 * @param key the `#atproto_label` key of the label's `src`, which no other key of the document stands in for; null where there is none
 * @param verify what checks the signature, such as that of `@avocet/crypto-native`
 * @returns the label, with the fields of the specification alone; failures `malformed`, `unsupported-version`, `unsigned`, `no-key`,
 *   `bad-signature`
 */
export function verifyLabel(
  value: unknown,
  key: PublicKey | null,
  verify: VerifySignature = verifySignature,
): LabelResult {
  const parsed = parseLabel(value)
  if (!parsed.ok) return parsed
  const label = parsed.value
  const { ver, sig } = label
  if (ver !== LABEL_VERSION) return fail('unsupported-version', `label of another version; ver=${ver}`)
  if (sig === undefined) return fail('unsigned', 'label without a signature')
  if (key === null) return fail('no-key', `source without a key for labels; src=${label.src}`)
  const bytes = encodeLabel(label)
  if (bytes === null) return fail('malformed', 'label has no canonical form')
  if (!verify(key, bytes, sig)) return fail('bad-signature', `signature does not hold; src=${label.src}`)
  return { ok: true, value: { ...label, ver: LABEL_VERSION, sig } }
}
