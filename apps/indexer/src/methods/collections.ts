// The queries of collections, added to the router.

import type { Catalog, Query } from '@avocet/lexicon'
import type { Router } from '@avocet/xrpc-server'
import { countCollection } from './collection-count.ts'
import { type CollectionParts, listCollection } from './collection-list.ts'
import { searchCollection } from './collection-search.ts'

/** Adds `<collection>.listRecords`, `.countRecords` and `.searchRecords` for every collection that has such indexes. */
export function addCollections(router: Router, catalog: Catalog, parts: CollectionParts): void {
  const { all } = parts.reader
  const served = catalog.with(all.flatMap(({ documents }) => documents))
  const schema = (nsid: string): Query => served.method(nsid) as Query
  for (const queries of all) {
    const { collection } = queries
    router.add(schema(`${collection}.listRecords`), listCollection(queries, parts))
    router.add(schema(`${collection}.countRecords`), countCollection(queries, parts))
    const { search, references } = queries
    if (search !== null) {
      router.add(schema(`${collection}.searchRecords`), searchCollection(search, references, parts))
    }
  }
}
