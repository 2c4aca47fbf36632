export { openLabelStore, type SqliteLabelStoreOptions } from './store.ts'
