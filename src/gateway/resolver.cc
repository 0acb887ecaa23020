#include "gateway/resolver.h"

#include <algorithm>
#include <cstring>

#include <sys/random.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/text.h"

namespace hv::gateway {

namespace {

using base::Result;
using network::DnsCode;
using network::DnsReply;
using network::DnsType;
using Clock = std::chrono::steady_clock;

// RFC 8305's resolution delay: how long the second family may keep the first waiting.
constexpr std::chrono::milliseconds kSecondFamily{50};
constexpr std::chrono::seconds kLongestCached{300};
constexpr std::chrono::seconds kNothingCached{5};
constexpr std::chrono::seconds kFilesBelieved{2};

std::string stamp_of(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return "-";
  return std::to_string(about.st_ino) + ":" + std::to_string(about.st_mtim.tv_sec) + "." +
         std::to_string(about.st_mtim.tv_nsec) + ":" + std::to_string(about.st_size);
}

uint16_t random_id() {
  uint16_t id = 0;
  while (::getrandom(&id, sizeof id, 0) != sizeof id) {
  }
  return id;
}

base::Failure no_address(const std::string& name) {
  return base::Failure(base::not_found("no address for '" + base::printable(name) + "'"));
}

core::IpAddress to_address(const network::DnsAddress& address) {
  core::IpAddress made;
  if (const auto* v6 = std::get_if<network::Ipv6Bytes>(&address)) return core::IpAddress::from_v6(*v6);
  std::ranges::copy(std::get<network::Ipv4Bytes>(address), made.bytes.begin());
  return made;
}

}  // namespace

// One name on its way through candidates, servers and attempts.
struct Resolver::Lookup {
  std::string name;
  std::vector<std::string> candidates;
  size_t candidate = 0;
  size_t server = 0;
  int attempt = 0;
  std::vector<Done> waiting;

  struct Family {
    std::unique_ptr<DnsExchange> exchange;
    bool answered = false;
    bool failed = false;
    bool no_such_name = false;
    Addresses addresses;
    uint32_t ttl = 0;
  };
  Family v4;
  Family v6;
  base::EventLoop::TimerId patience = 0;
};

Resolver::Resolver(base::EventLoop& loop, Files files) : loop_(loop), files_(std::move(files)) {}

Resolver::~Resolver() {
  for (auto& [name, lookup] : lookups_)
    if (lookup->patience != 0) loop_.cancel(lookup->patience);
}

Resolver::Addresses interleave(const Resolver::Addresses& v6, const Resolver::Addresses& v4) {
  Resolver::Addresses all;
  for (size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
    if (i < v6.size()) all.push_back(v6[i]);
    if (i < v4.size()) all.push_back(v4[i]);
  }
  return all;
}

void Resolver::read_config() {
  auto now = Clock::now();
  if (looked_ != Clock::time_point{} && now - looked_ < kFilesBelieved) return;
  looked_ = now;
  std::string stamp = stamp_of(files_.resolv_conf) + " " + stamp_of(files_.hosts);
  if (stamp == stamp_) return;
  stamp_ = std::move(stamp);
  constexpr size_t kLimit = size_t{4} << 20;
  config_ = parse_resolv_conf(base::read_file(files_.resolv_conf, kLimit).value_or(""));
  hosts_ = base::read_file(files_.hosts, kLimit).value_or("");
  // Another network, other answers.
  cache_.clear();
}

void Resolver::resolve(const std::string& name, Done done) {
  read_config();
  auto cached = cache_.find(name);
  if (cached != cache_.end()) {
    if (cached->second.until > Clock::now()) {
      Addresses addresses = cached->second.addresses;
      if (addresses.empty()) return done(no_address(name));
      return done(addresses);
    }
    cache_.erase(cached);
  }
  if (Addresses fixed = find_in_hosts(hosts_, name); !fixed.empty()) {
    remember(name, fixed, kLongestCached);
    return done(fixed);
  }
  auto& lookup = lookups_[name];
  if (lookup) return lookup->waiting.push_back(std::move(done));
  lookup = std::make_unique<Lookup>();
  lookup->name = name;
  lookup->candidates = config_.candidates(name);
  lookup->waiting.push_back(std::move(done));
  ask(*lookup);
}

void Resolver::remember(const std::string& name, Addresses addresses, std::chrono::seconds time) {
  if (cache_.size() >= kMostCached) cache_.clear();
  cache_[name] = {std::move(addresses), Clock::now() + time};
}

void Resolver::ask(Lookup& lookup) {
  lookup.v4 = {};
  lookup.v6 = {};
  ask_family(lookup, DnsType::aaaa);
  ask_family(lookup, DnsType::a);
}

void Resolver::ask_family(Lookup& lookup, DnsType type) {
  Lookup::Family& family = type == DnsType::a ? lookup.v4 : lookup.v6;
  network::DnsQuestion question;
  question.id = random_id();
  question.type = type;
  auto name = network::DnsName::from_text(lookup.candidates[lookup.candidate]);
  if (!name) {
    // A search domain can make a name too long; such a name does not exist.
    family.answered = family.no_such_name = true;
    if (type == DnsType::a)
      loop_.after(std::chrono::seconds(0), [this, wanted = lookup.name] {
        if (auto found = lookups_.find(wanted); found != lookups_.end()) settle(*found->second);
      });
    return;
  }
  question.name = *std::move(name);
  const NameServer& server = config_.servers[lookup.server % config_.servers.size()];
  family.exchange =
      DnsExchange::start(loop_, server, files_.port, std::move(question), config_.timeout,
                         [this, &lookup, type](Result<DnsReply> reply) { on_reply(lookup, type, std::move(reply)); });
}

void Resolver::on_reply(Lookup& lookup, DnsType type, Result<DnsReply> reply) {
  Lookup::Family& family = type == DnsType::a ? lookup.v4 : lookup.v6;
  family.answered = true;
  if (!reply || (reply->code != DnsCode::no_error && reply->code != DnsCode::name_error)) {
    family.failed = true;
  } else {
    family.no_such_name = reply->code == DnsCode::name_error;
    family.ttl = reply->ttl;
    for (const network::DnsAddress& address : reply->addresses) family.addresses.push_back(to_address(address));
  }
  bool both = lookup.v4.answered && lookup.v6.answered;
  if (both || family.no_such_name) return settle(lookup);
  if (!family.addresses.empty() && lookup.patience == 0)
    lookup.patience = loop_.after(kSecondFamily, [this, &lookup] {
      lookup.patience = 0;
      settle(lookup);
    });
}

void Resolver::settle(Lookup& lookup) {
  if (lookup.patience != 0) loop_.cancel(lookup.patience);
  lookup.patience = 0;
  Addresses all = interleave(lookup.v6.addresses, lookup.v4.addresses);
  if (!all.empty()) {
    uint32_t ttl = UINT32_MAX;
    for (const Lookup::Family* family : {&lookup.v4, &lookup.v6})
      if (!family->addresses.empty()) ttl = std::min(ttl, family->ttl);
    remember(lookup.name, all, std::min<std::chrono::seconds>(std::chrono::seconds(ttl), kLongestCached));
    return finish(lookup, std::move(all));
  }
  bool exists_not = lookup.v4.no_such_name || lookup.v6.no_such_name || (!lookup.v4.failed && !lookup.v6.failed);
  if (exists_not) {
    if (++lookup.candidate < lookup.candidates.size()) return ask(lookup);
    remember(lookup.name, {}, kNothingCached);
    return finish(lookup, no_address(lookup.name));
  }
  // Server by server, all of them as often as the file says.
  if (++lookup.server % config_.servers.size() == 0) ++lookup.attempt;
  if (lookup.attempt < config_.attempts) return ask(lookup);
  finish(lookup, base::Failure(base::unavailable("the host's DNS servers do not answer for '" +
                                                 base::printable(lookup.name) + "'")));
}

void Resolver::finish(Lookup& lookup, Result<Addresses> addresses) {
  auto found = lookups_.find(lookup.name);
  std::unique_ptr<Lookup> owned = std::move(found->second);
  lookups_.erase(found);
  for (Done& done : owned->waiting) done(addresses);
}

}  // namespace hv::gateway
