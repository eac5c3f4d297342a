import { describeWith } from '../../../test/setup/describe-with.ts'
import { RedisPubSubChannelLayer } from '../src/index.ts'
import { describeOnHosts } from './host-contract.ts'

describeWith(['redis'], 'RedisPubSubChannelLayer', () => describeOnHosts(RedisPubSubChannelLayer))
