export { openRepoStore, type RepoSize, type RepoStoreOptions, type SqliteRepoStore } from './store.ts'
