export { openAccountStore, type PostgresAccountStore } from './postgres-store.ts'
