// What handlers share. Internal to api/.
#pragma once

#include <memory>
#include <set>

#include "api/worker_pool.h"
#include "http/loop.h"
#include "service/service.h"

namespace hv::api {

class PullStream;

struct Context {
  http::Loop& loop;
  WorkerPool& pool;
  // Open streams, so that the server can end them. Loop's thread.
  std::set<std::shared_ptr<PullStream>> streams;
};

}  // namespace hv::api
