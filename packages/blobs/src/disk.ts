export { blobFolderName, openDiskBlobs, readDiskBlobs, type DiskBlobOptions } from './disk-store.ts'
export { areRemovalsHeld, dropHeld, HELD_FOLDER, holdRemovals } from './removal-hold.ts'
