export {
  openRepoStore,
  REPO_SCHEMA,
  type RepoSize,
  type RepoStoreOptions,
  type SqliteRepoStore,
} from './store.ts'
