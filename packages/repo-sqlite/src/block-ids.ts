/** Ids that a repository has for its blocks, over all its time. Both factors fit into what a number holds exactly. */
const IDS_PER_REPO = 2 ** 31
const MAX_REPO = 2 ** 22 - 1

/** The ids of the blocks of a repository: from `first`, below `end`. */
export interface BlockIds {
  readonly first: number
  readonly end: number
}

/** The ids for the blocks of a repository. @throws RangeError for more repositories than there are ids for */
export function blockIds(repo: number): BlockIds {
  if (repo > MAX_REPO) throw new RangeError(`no ids are left for a repository; repo=${repo} max=${MAX_REPO}`)
  return { first: repo * IDS_PER_REPO, end: (repo + 1) * IDS_PER_REPO }
}

/** The id after one. @throws RangeError when it is another repository's */
export function idAfter(id: number, { end }: BlockIds): number {
  if (id + 1 >= end) throw new RangeError(`no ids are left for the blocks of a repository; id=${id}`)
  return id + 1
}
