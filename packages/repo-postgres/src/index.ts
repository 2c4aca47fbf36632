export type { CommitToApply } from './commit.ts'
export type { OpenRepos } from './open-repos.ts'
export { openRepoStore, REPO_SCHEMA, type PostgresRepoStore, type RepoStoreOptions } from './store.ts'
