export type { RefusedReason } from './client/frame.ts'
export type {
  InfoEvent,
  LabelCursorStore,
  LabelEvent,
  LabelStreamEvent,
  LabelSubscription,
  RefusedEvent,
  SubscribeLabelsOptions,
} from './client/options.ts'
export { subscribeLabels } from './client/subscribe.ts'
export { LabelsError, type LabelsErrorCode } from './error.ts'
export {
  encodeLabel,
  LABEL_VERSION,
  parseLabel,
  type Label,
  type LabelFailure,
  type LabelFailureCode,
  type LabelResult,
  type SignedLabel,
} from './label.ts'
export {
  createLabelVerifier,
  type LabelVerifier,
  type LabelVerifierOptions,
  type ResolveLabelKey,
} from './label-keys.ts'
export {
  createLabelSet,
  mergeLabels,
  type Applied,
  type InForceOptions,
  type LabelSet,
  type LabelSetOptions,
} from './label-set.ts'
export { signLabel } from './sign.ts'
export { verifyLabel, verifyLabelBy, type CheckLabelSignature } from './verify.ts'
