export {
  openRepoStore,
  REPO_SCHEMA,
  type OpenRepos,
  type RepoSize,
  type RepoStoreOptions,
  type SqliteRepoStore,
} from './store.ts'
