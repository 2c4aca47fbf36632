// https://atproto.com/specs/label#signatures
import { verifySignature, type PublicKey, type VerifySignature } from '@avocet/crypto'
import type { Result } from '@avocet/syntax'
import {
  encodeLabel,
  fail,
  LABEL_VERSION,
  parseLabel,
  type LabelFailure,
  type LabelResult,
  type SignedLabel,
} from './label.ts'

/** Whether bytes are the signature of a message by the `#atproto_label` key of a label's source. */
export type CheckLabelSignature = (message: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>

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
  const opened = openLabel(value, key === null)
  if (!opened.ok) return opened
  const { label, message } = opened.value
  return verify(key!, message, label.sig) ? { ok: true, value: label } : badSignature(label)
}

/**
 * The same by a check of the caller's own, which may be asynchronous. For pages: it brings no curves into a bundle, so that
 * `verifySignature` of `@avocet/crypto/web` can stand there.
 *
 * @param check null where the source has no key for labels
 * @returns failures as {@link verifyLabel}
 */
export async function verifyLabelBy(value: unknown, check: CheckLabelSignature | null): Promise<LabelResult> {
  const opened = openLabel(value, check === null)
  if (!opened.ok) return opened
  const { label, message } = opened.value
  return (await check!(message, label.sig)) ? { ok: true, value: label } : badSignature(label)
}

/** A label and the bytes that are signed, its signature yet to be checked. */
function openLabel(
  value: unknown,
  isWithoutKey: boolean,
): Result<{ readonly label: SignedLabel; readonly message: Uint8Array }, LabelFailure> {
  const parsed = parseLabel(value)
  if (!parsed.ok) return parsed
  const { ver, sig, src } = parsed.value
  if (ver !== LABEL_VERSION) return fail('unsupported-version', `label of another version; ver=${ver}`)
  if (sig === undefined) return fail('unsigned', 'label without a signature')
  if (isWithoutKey) return fail('no-key', `source without a key for labels; src=${src}`)
  const message = encodeLabel(parsed.value)
  if (message === null) return fail('malformed', 'label has no canonical form')
  return { ok: true, value: { label: { ...parsed.value, ver: LABEL_VERSION, sig }, message } }
}

function badSignature({ src }: SignedLabel): LabelResult {
  return fail('bad-signature', `signature does not hold; src=${src}`)
}
