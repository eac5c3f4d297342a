import { koreanServeFlags } from './korean-serve-flags.ts'
import type { HelpTexts } from './translate-help.ts'

const file = 'application.js, tsx나 타입 제거(type stripping)를 쓰는 application.ts, 또는 그 폴더'
const group = '선언과 id: room.lobby'

const groupOptions = { '--file': file, '--layer': '채널 레이어의 별칭', '--json': 'JSON으로 출력' }

const groupFooter = `
채널 레이어는 애플리케이션의 것을 씁니다. 애플리케이션이 없으면 @tideway/redis의
channelLayerFromEnvironment()처럼 REDIS_URL과 CHANNEL_LAYER 변수의 레이어를
쓰며, 이때는 그룹의 선언을 알 수 없습니다.

종료 코드: 0 완료, 1 실패하거나 플래그가 잘못됨.
`

/** The help in Korean. */
export const korean: HelpTexts = {
  help: '도움말 표시',
  headings: {
    'Usage:': '사용법:',
    'Arguments:': '인자:',
    'Options:': '옵션:',
    'Commands:': '명령:',
    'Addresses (without any of them, the sockets of systemd if there are some):':
      '주소(지정하지 않았고 systemd의 소켓이 있으면 그것을 사용):',
    'TLS:': 'TLS:',
    'The application:': '애플리케이션:',
    'Behind proxies:': '프록시:',
    'WebSockets:': 'WebSocket:',
    'Limits:': '한도:',
    'Stopping:': '종료:',
    'For operators:': '운영:',
    'Processes:': '프로세스:',
    'Logs:': '로그:',
  },
  notes: {
    'default: none': '기본값: 없음',
    'default: any host': '기본값: 모든 호스트',
    'default: a quarter of the heap': '기본값: 힙의 1/4',
    'default: Mozilla intermediate, ECDHE only': '기본값: Mozilla intermediate, ECDHE만',
    'default:': '기본값:',
    'choices:': '선택:',
    'env:': '환경 변수:',
  },
  commands: {
    tideway: {
      description: '실시간 애플리케이션을 서비스합니다.',
      options: { '--version': '버전 출력' },
    },
    init: {
      summary: '작은 애플리케이션 만들기',
      description: '테스트를 갖춘 작은 애플리케이션을 새 폴더에 만듭니다.',
      arguments: { folder: '새 폴더나 빈 폴더. 폴더 이름이 애플리케이션 이름이 됨' },
      options: {
        '--framework': 'HTTP를 맡을 웹 프레임워크',
        '--client': '페이지. vanilla는 빌드가 필요 없고, live와 react는 메시지를 잃지 않음',
        '--redis': '여러 프로세스를 위해 변수 REDIS_URL의 Redis 사용',
        '--auth': '사용자 로그인. 쿠키의 세션 또는 토큰',
        '--template': '프레임워크와 클라이언트를 한 번에 고르는 이름',
        '--yes': '질문하지 않음. 터미널이 아니면 원래 질문하지 않음',
      },
    },
    serve: {
      summary: '애플리케이션을 HTTP와 WebSocket으로 서비스',
      description: '파일이 기본값으로 내보낸(export default) 애플리케이션을 HTTP와 WebSocket으로 서비스합니다.',
      arguments: { file },
      options: koreanServeFlags,
      footer: `
크기에는 단위를 쓸 수 있습니다: 64k, 1M. 기본값에 "off"가 있는 플래그는 off로
끌 수 있습니다.

시그널:
  SIGTERM, SIGINT  순서대로 종료. 한 번 더 보내면 즉시 종료
  SIGHUP           인증서를 다시 읽고 액세스 로그를 다시 엶. 워커가 여럿이면
                   현재 코드로 하나씩 교체

종료 코드:
  0  순서대로 종료함
  1  시작이나 종료에 실패함, 또는 두 번째 시그널
  3  종료했지만 시간 제한을 넘김

예:
  tideway serve application.ts --reload
  tideway serve application.js --host 0.0.0.0 --workers auto --access-log -
  tideway serve application.js --port 443 --tls-key key.pem --tls-cert chain.pem
  tideway serve application.js --unix-socket /run/chat.sock --proxy-headers \\
    --trusted-proxies unix
`,
    },
    doctor: {
      summary: '배포 환경의 문제 검사',
      description: '배포 환경의 문제를 검사합니다: 애플리케이션, 서버 장비, 옵션, URL.',
      arguments: { file },
      options: {
        ...koreanServeFlags,
        '--url': '페이지가 쓰는 WebSocket의 URL. 모든 프록시를 거쳐 검사',
        '--json': '결과를 JSON으로 출력',
      },
      footer: `
"tideway serve"의 플래그를 그대로 쓰세요. 서비스하지 않고 검사만 합니다.

종료 코드: 0 문제 없음(경고는 있을 수 있음), 1 문제가 있거나 플래그가 잘못됨.

예:
  tideway doctor application.js --workers 4 --proxy-headers
  tideway doctor application.js --proxy-headers --url wss://chat.example.com/ws/rooms/lobby/ --json
`,
    },
    asyncapi: {
      summary: '라이브 컨슈머의 AsyncAPI 문서 출력',
      description: '애플리케이션의 라이브 컨슈머에 대한 AsyncAPI 3.0 문서를 JSON으로 출력합니다.',
      arguments: { file },
      options: { '--title': '문서의 제목', '--api-version': '문서로 만드는 API의 버전' },
      footer: `
예:
  tideway asyncapi application.js > asyncapi.json
  tideway asyncapi application.js --title Chat --api-version 2.1.0
`,
    },
    publish: {
      summary: '보관 그룹에 이벤트 게시',
      description: '보관 그룹에 이벤트를 게시하거나, 상태 그룹에서 키의 값을 설정하거나 삭제합니다.',
      arguments: {
        group,
        event: '이벤트의 이름, 또는 키',
        data: 'JSON으로 쓴 데이터, 또는 값. "-"는 표준 입력에서 읽음',
      },
      options: { ...groupOptions, '--id': '5분 안의 같은 id는 같은 이벤트', '--delete': '키의 값을 삭제' },
      footer: `${groupFooter}
예:
  tideway publish room.lobby said '{"user":"bot","text":"hi"}' --id deploy-7
  tideway publish prices.eur EURUSD '{"bid":1.1}'
  tideway publish prices.eur EURUSD --delete
  git log -1 --format=%s | jq -R . | tideway publish room.dev pushed -
`,
    },
    tap: {
      summary: '보관 그룹의 이벤트 출력',
      description:
        '보관 그룹의 이벤트를 한 줄에 하나씩 출력합니다. 가장 최근 이벤트 다음에 새로 오는 이벤트가 이어집니다.',
      arguments: { group },
      options: {
        ...groupOptions,
        '--last': '먼저 출력할 가장 최근 이벤트의 수',
        '--since': '이 위치 다음의 이벤트부터 출력',
        '--no-follow': '여기까지 출력하고 끝냄',
        '--record': '새 파일에도 기록',
        '--replay': '출력하는 대신, 그렇게 기록한 파일의 이벤트를 게시',
      },
      footer: `${groupFooter}
"--record"는 출력하는 것을 JSON 줄로 기록하고, "--replay"는 그 파일의 이벤트를
게시합니다. 5분 안에는 이벤트마다 한 번만 게시됩니다.

예:
  tideway tap room.lobby --last 20
  tideway tap room.lobby --last 100 --no-follow --json | jq .data.text
  tideway tap room.lobby --last 1000 --record bug.jsonl
  tideway tap room.test --replay bug.jsonl
`,
    },
    who: {
      summary: '보관 그룹에 있는 사람의 목록',
      description: '보관 그룹에 있는 사람들과 공개 데이터를 출력합니다.',
      arguments: { group },
      options: { ...groupOptions, '--limit': '목록의 최대 인원' },
      footer: `${groupFooter}
예:
  tideway who room.lobby
`,
    },
    groups: {
      summary: '모든 프로세스에서 팔로우하는 보관 그룹의 목록',
      description:
        '팔로워가 있는 보관 그룹을 출력합니다. 모든 프로세스의 팔로워 수, 지연, 초당 이벤트 수가 함께 나옵니다.',
      options: {
        ...groupOptions,
        '--interval': '이벤트를 세는 시간. 최대 60',
        '--limit': '목록의 최대 그룹 수',
      },
      footer: `${groupFooter}
보관 그룹을 팔로우한 적이 있는 프로세스마다 두 번 묻습니다. "lag"는 가장 느린
팔로워가, 어느 프로세스든 알고 있는 가장 새로운 이벤트보다 몇 개 뒤처졌는지를
나타냅니다. 전달되고 있는 이벤트도 셉니다. 팔로워가 없는 그룹은 나오지 않습니다.

예:
  tideway groups --interval 5 --json
`,
    },
    worker: {
      summary: '채널의 작업 또는 태스크 실행',
      description:
        '지정한 채널의 작업을 각각 최대 한 번 실행합니다. 작업이 실패하거나 워커가 죽으면 그 작업은 사라집니다. ' +
        '--tasks를 주면 defineTasks의 태스크를 최소 한 번 실행하며, 태스크는 사라지지 않습니다.',
      arguments: { file, channels: '작업 채널의 이름' },
      options: {
        '--concurrency': '채널 하나에서 동시에 실행할 작업의 최대 수',
        '--tasks': '파일이 "tasks"로 내보낸 태스크를 실행',
        '--layer': '작업에 쓸 채널 레이어의 별칭',
        '--job-timeout': '채널 작업의 최대 시간. 넘으면 실패로 처리',
        '--no-lifespan': 'lifespan 이벤트를 보내지 않음',
        '--lifespan-timeout': '시작과 종료 각각의 최대 시간',
        '--stop-timeout': 'SIGINT나 SIGTERM 뒤에 작업을 기다리는 최대 시간',
        '--exit-timeout': '종료와 레이어의 최대 시간. 넘으면 종료 코드 3',
      },
    },
  },
}
