import { describeWith } from '../../../test/setup/describe-with.ts'
import { RedisChannelLayer } from '../src/index.ts'
import { describeOnHosts } from './host-contract.ts'

describeWith(['redis'], 'RedisChannelLayer', () => describeOnHosts(RedisChannelLayer))
