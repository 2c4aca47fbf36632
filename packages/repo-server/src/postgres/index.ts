export { openRepoServerStore, type PostgresRepoServerStore } from './store.ts'
