// https://atproto.com/specs/label#signatures
import type { Signer } from '@avocet/crypto'
import { LabelsError } from './error.ts'
import { encodeLabel, LABEL_VERSION, parseLabel, type Label, type SignedLabel } from './label.ts'

/**
 * Signs a label with the `#atproto_label` key of its source. `neg: false` is left out, as the specification advises; fields that are
 * not of a label are, too, so that nothing is signed that could mean something elsewhere.
 *
 * @returns the label with `ver` and `sig`
 * @throws LabelsError `invalid-label` unless each field has its format
 */
export async function signLabel(label: Omit<Label, 'ver' | 'sig'>, signer: Signer): Promise<SignedLabel> {
  const parsed = parseLabel({ ...label, ver: LABEL_VERSION, sig: undefined })
  if (!parsed.ok) throw new LabelsError('invalid-label', parsed.error.message)
  const { neg, ...rest } = parsed.value
  const unsigned: Label = neg === true ? { ...rest, neg } : rest
  const bytes = encodeLabel(unsigned)
  if (bytes === null) throw new LabelsError('invalid-label', 'label has no canonical form')
  return { ...unsigned, ver: LABEL_VERSION, sig: await signer.sign(bytes) }
}
