import {
  CompositeDidDocumentResolver,
  CompositeHandleResolver,
  LocalActorResolver,
  PlcDidDocumentResolver,
  WebDidDocumentResolver,
  WellKnownHandleResolver,
} from '@atcute/identity-resolver'
import { NodeDnsHandleResolver } from '@atcute/identity-resolver-node'

const resolver = new LocalActorResolver({
  handleResolver: new CompositeHandleResolver({
    methods: { dns: new NodeDnsHandleResolver(), http: new WellKnownHandleResolver() },
  }),
  didDocumentResolver: new CompositeDidDocumentResolver({
    methods: { plc: new PlcDidDocumentResolver(), web: new WebDidDocumentResolver() },
  }),
})
const { did, pds } = await resolver.resolve('alice.example.com')
console.log(did, pds)
