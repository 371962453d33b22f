// The words of the pages. English is the key; a language is a table from English.

const chinese = {
  "Accounts": "账号", "Dashboard": "概览", "Keys": "密钥", "Settings": "设置", "Import": "导入",
  "Doctor": "诊断", "Log in": "登录", "Log out": "退出", "Admin key": "管理密钥",
  "Local API key": "本地 API 密钥", "Save": "保存", "Cancel": "取消", "Add": "添加",
  "Delete": "删除", "Edit": "编辑", "Close": "关闭", "Reload": "重新加载",
  "The admin key opens these pages.": "请输入管理密钥以打开这些页面。",
  "No ADMIN_KEY is set, so a local API key opens these pages. Whoever may chat may change everything here: set ADMIN_KEY.":
    "未设置 ADMIN_KEY，本地 API 密钥即可打开这些页面。能聊天的人也能更改这里的一切：请设置 ADMIN_KEY。",
  "These pages are closed. Set ADMIN_KEY (or a local API key) and come back.":
    "这些页面已关闭。请设置 ADMIN_KEY（或本地 API 密钥）后再来。",
  "Requests": "请求", "Tokens": "令牌用量", "Errors": "错误", "Failed": "失败", "Succeeded": "成功",
  "Input": "输入", "Output": "输出", "Median": "中位数", "95 %": "95 %", "Latency": "耗时",
  "Typical time": "典型耗时", "By model": "按模型", "By key": "按密钥", "By account": "按账号",
  "Errors by code": "按错误码", "Days": "天", "days": "天", "Day": "日期", "Show as a table": "以表格显示",
  "Nothing yet. Figures appear with the first request.": "暂无数据。第一次请求后将显示统计。",
  "unknown": "未知", "Name": "名称", "State": "状态", "Plan": "套餐", "Expires": "到期",
  "Last used": "上次使用", "7 days": "近 7 天", "Actions": "操作", "Account": "账号",
  "ready": "可用", "resting": "冷却中", "out": "已失效", "disabled": "已停用", "double": "重复",
  "never": "从不", "now": "刚刚", "all models": "所有模型", "again in": "恢复还需",
  "Quotas": "额度", "resets in": "重置还需", "# left": "剩余 #", "h": "小时", "d": "天", "image_gen": "图片生成", "models": "模型列表",
  "deep_research": "深度研究", "file_upload": "文件上传", "odyssey": "智能体",
  "Same account as": "与此账号相同：", "Test": "测试", "Refresh": "刷新令牌", "Reset": "重置冷却",
  "Disable": "停用", "Enable": "启用", "Add an account": "添加账号", "Edit account": "编辑账号",
  "Access token": "访问令牌", "Refresh token": "刷新令牌", "Session token": "会话令牌",
  "ID token": "ID 令牌", "Workspace (account id)": "工作区（account id）", "Note or email": "备注或邮箱",
  "Type": "类型", "Proxy of this account": "此账号的代理", "leave blank to keep": "留空则保持不变",
  "none": "无", "No proxy of its own": "不使用单独代理", "from the environment": "来自环境变量",
  "No account yet.": "还没有账号。", "Import many": "批量导入",
  "Delete this account?": "删除此账号？", "Delete this key?": "删除此密钥？",
  "It can be added again with its token only.": "之后只能凭令牌重新添加。",
  "Whoever uses it is shut out at once.": "使用者将立即无法访问。",
  "Local keys": "本地密钥", "Add a key": "添加密钥", "Edit key": "编辑密钥", "Key": "密钥",
  "Make one": "生成", "Copy it now: it is not shown again.": "请立即复制，之后不再显示。",
  "Models": "模型", "all": "全部", "Requests per minute": "每分钟请求数",
  "Tokens per day": "每日令牌数", "no limit": "不限", "Last day": "最后一天",
  "names, separated by commas; * at the end": "名称，逗号分隔；末尾可用 *", "Limits": "限制",
  "No local key yet.": "还没有本地密钥。", "per minute": "每分钟", "tokens a day": "令牌/天",
  "Private prefixes": "私有前缀", "Global proxies": "全局代理", "Add a prefix": "添加前缀",
  "Add a proxy": "添加代理", "Nothing here.": "这里没有内容。",
  "prefix + ChatGPT token, as API key": "前缀 + ChatGPT 令牌，作为 API 密钥",
  "One of them is taken in turn for accounts without their own.": "没有单独代理的账号轮流使用。",
  "Saved.": "已保存。", "Done.": "完成。", "Where this is kept": "保存位置",
  "Read only": "只读", "The changed settings are not used": "更改后的设置未生效",
  "Somebody else saved in between; the page shows their version now.":
    "期间有人保存了更改，页面现在显示其版本。",
  "Accounts, one a line": "账号，每行一个", "or drop files here": "或将文件拖到这里",
  "Choose files": "选择文件", "Upload": "上传", "Clear all": "全部清除",
  "Tokens of any kind, token,account-id, or JSON: auth.json of the Codex CLI, token files of other gateways, lists of objects. # begins a comment.":
    "任意类型的令牌、token,account-id，或 JSON：Codex CLI 的 auth.json、其他网关的令牌文件、对象列表。# 开始注释。",
  "Take out every account that is kept here?": "清除此处保存的所有账号？",
  "There is no way back but the file's backup.": "除备份文件外无法恢复。",
  "added": "已添加", "already there": "已存在", "not understood": "无法识别", "removed": "已移除",
  "Accounts that are out": "已失效的账号", "None. All is well.": "没有，一切正常。",
  "Examine": "检查", "Examine all": "全部检查", "Examining": "检查中",
  "One short turn with each account, stage by stage. It counts as a message of the account.":
    "对每个账号逐阶段进行一次简短对话，会计为该账号的一条消息。",
  "not_reached": "未到达", "skipped": "跳过", "ok": "正常", "failed": "失败", "direct": "直连",
  "proxy": "代理", "dns": "域名解析", "connect": "连接", "tls": "TLS", "sign_in": "登录状态",
  "bootstrap": "首页", "sentinel": "风控许可", "proof": "工作量证明", "conversation": "对话请求",
  "turn": "完整回答", "web": "网页", "codex": "Codex", "Language": "语言", "in": "后", "ago": "前",
  "The page could not reach the gateway.": "页面无法连接到网关。", "accounts": "个账号",
  "access_token": "访问", "refresh_token": "刷新", "session_token": "会话", "id_token": "ID",
  "Switched off.": "已停用。", "Version": "版本", "Store": "存储", "Loading": "加载中",
  "The store (%) has not answered since #.": "存储（%）自 # 起没有响应。",
  "States and figures here are what this process alone knows.": "此处的状态和统计仅为本进程所知。",
  "# counters wait until it is back.": "# 个计数器等待其恢复。",
  "Do not stop this process: renewed tokens of # accounts are not saved yet.":
    "请勿停止本进程：# 个账号刷新后的令牌尚未保存。",
  "These figures are of this process since its start only: there is no store that lasts.":
    "这些统计仅为本进程自启动以来的数据：没有持久存储。",
  "Ask for quotas": "查询额度", "Find an account": "查找账号", "quota": "额度",
  "Asks ChatGPT what each account may still use. No message is sent.":
    "向 ChatGPT 查询每个账号的剩余额度，不会发送消息。",
  "Add a refresh token, an access token or a session token of your ChatGPT account, or import a file.":
    "添加您 ChatGPT 账号的刷新令牌、访问令牌或会话令牌，或导入文件。",
  "their own ChatGPT tokens": "自带 ChatGPT 令牌", "without login": "未登录",
  "backup": "备份", "Show": "显示", "successes and failures": "成功与失败",
};

const nice = {
  "access_token": "access", "refresh_token": "refresh", "session_token": "session",
  "id_token": "id", "not_reached": "not reached", "sign_in": "sign-in", "dns": "DNS", "tls": "TLS",
  "image_gen": "pictures", "deep_research": "research", "file_upload": "uploads", "odyssey": "agent",
};

const tables = { en: nice, zh: chinese };

function preferred() {
  try {
    const chosen = localStorage.getItem("chat2api-language");
    if (chosen in tables) return chosen;
  } catch { /* a browser may forbid it */ }
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export let language = preferred();

export function choose(name) {
  language = name;
  try { localStorage.setItem("chat2api-language", name); } catch { /* as above */ }
}

export function t(text) {
  return tables[language][text] ?? text;
}

export function number(value) {
  const options = value >= 10000 ? { notation: "compact", maximumFractionDigits: 1 } : {};
  return new Intl.NumberFormat(language, options).format(value);
}

export function duration(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  return `${(milliseconds / 1000).toFixed(milliseconds < 10000 ? 1 : 0)} s`;
}

const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export function relative(seconds) {
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, size] of units) {
    const enough = unit === "year" || unit === "month" ? 2 * size : size;
    if (Math.abs(seconds) >= enough) return words.format(Math.trunc(seconds / size), unit);
  }
  return t("now");
}

export function countdown(seconds) {
  const left = Math.max(0, Math.round(seconds));
  const days = Math.floor(left / 86400);
  if (days) return `${days} ${t("d")} ${Math.floor(left / 3600) % 24} ${t("h")}`;
  const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  const shown = parts.map((part) => String(part).padStart(2, "0"));
  return (parts[0] ? shown : shown.slice(1)).join(":");
}
