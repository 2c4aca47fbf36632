export {
  ACCOUNT_SCHEMA,
  openAccountStore,
  type SqliteAccountOptions,
  type SqliteAccountStore,
} from './sqlite-store.ts'
