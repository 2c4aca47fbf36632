export { createFileSessionStore, type FileSessionStoreOptions } from './session-file.ts'
