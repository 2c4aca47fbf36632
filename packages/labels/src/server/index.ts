export { createLabeler, type Labeler, type LabelerOptions, type Negation, type NewLabel } from './labeler.ts'
export { createMemoryLabelStore, type MemoryLabelStoreOptions } from './memory-store.ts'
export { queryLabels, type QueryLabelsOptions } from './query-labels.ts'
export type {
  LabelBounds,
  LabelChange,
  LabelPage,
  LabelQuery,
  LabelStore,
  Statement,
  StoredLabel,
} from './store.ts'
export { subscribeLabels, type SubscribeLabelsOptions } from './subscribe-labels.ts'
