export type { OpenRepos } from './open-repos.ts'
export { openRepoStore, type PostgresRepoStore } from './store.ts'
