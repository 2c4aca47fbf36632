export { openRepoStore, type PostgresRepoStore } from './store.ts'
