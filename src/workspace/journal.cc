#include "workspace/journal.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <sys/stat.h>

#include "base/format.h"
#include "base/json.h"
#include "base/remove_tree.h"
#include "base/text.h"
#include "workspace/bytes.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;
namespace json = base::json;

static constexpr Step::Kind step_kinds[] = {Step::Kind::remove_file, Step::Kind::remove_directory,
                                            Step::Kind::make_directory, Step::Kind::put_file, Step::Kind::set_mode};
static constexpr std::string_view phases[] = {"staging", "committing", "done"};

std::string_view step_name(Step::Kind kind) {
  switch (kind) {
    case Step::Kind::remove_file:
      return "remove_file";
    case Step::Kind::remove_directory:
      return "remove_directory";
    case Step::Kind::make_directory:
      return "make_directory";
    case Step::Kind::put_file:
      return "put_file";
    case Step::Kind::set_mode:
      return "set_mode";
  }
  return "put_file";
}

static json::Value to_json(const std::optional<Entry>& entry) {
  if (!entry) return nullptr;
  return json::Object{
      {"type", type_name(entry->type)}, {"mode", entry->mode}, {"uid", entry->uid},     {"gid", entry->gid},
      {"inode", entry->inode},          {"size", entry->size}, {"mtime", entry->mtime}, {"ctime", entry->ctime}};
}

static Result<std::string> bytes_member(json::ObjectReader& reader, std::string_view name) {
  std::string text = HV_TRY(reader.string(name));
  return decode_bytes(text);
}

static Result<std::optional<Entry>> entry_from(const json::Value* value, const std::string& path) {
  if (value == nullptr || value->is_null()) return std::nullopt;
  auto reader = HV_TRY(json::ObjectReader::over(*value, path));
  Entry entry;
  std::string type = HV_TRY(reader.string("type"));
  entry.type = HV_TRY(parse_type(type));
  entry.mode = static_cast<uint32_t>(HV_TRY(reader.integer("mode")));
  entry.uid = static_cast<uint32_t>(HV_TRY(reader.integer("uid")));
  entry.gid = static_cast<uint32_t>(HV_TRY(reader.integer("gid")));
  entry.inode = static_cast<uint64_t>(HV_TRY(reader.integer("inode")));
  entry.size = static_cast<uint64_t>(HV_TRY(reader.integer("size")));
  entry.mtime = HV_TRY(reader.integer("mtime"));
  entry.ctime = HV_TRY(reader.integer("ctime"));
  HV_TRY(reader.finish());
  return entry;
}

static Result<Step> step_from(const json::Value& value, const std::string& path) {
  auto reader = HV_TRY(json::ObjectReader::over(value, path));
  Step step;
  std::string kind = HV_TRY(reader.string("kind"));
  auto known = std::ranges::find_if(step_kinds, [&](Step::Kind candidate) { return step_name(candidate) == kind; });
  if (known == std::end(step_kinds)) return Failure(base::io_error(path + ": unknown step"));
  step.kind = *known;
  step.path = HV_TRY(bytes_member(reader, "path"));
  HV_TRY(check_relative_path(step.path));
  step.temporary = HV_TRY(bytes_member(reader, "temporary"));
  step.before = HV_TRY(entry_from(reader.member("before"), path + ".before"));
  step.target_before = HV_TRY(bytes_member(reader, "target_before"));
  step.after = HV_TRY(entry_from(reader.member("after"), path + ".after"));
  step.preimage = HV_TRY(reader.boolean_or("preimage", false));
  HV_TRY(reader.finish());
  return step;
}

Result<std::optional<Journal>> Journal::latest(const std::string& records) {
  auto tree = Tree::open(records + "/journal");
  if (!tree) {
    if (tree.error().code() == base::ErrorCode::not_found) return std::nullopt;
    return Failure(std::move(tree).error());
  }
  for (std::vector<std::string> names = HV_TRY(tree->list("")); !names.empty(); names.pop_back()) {
    uint64_t number = 0;
    const std::string& name = names.back();
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size() && name.size() == 8)
      return Journal(records + "/journal/" + name, number);
  }
  return std::nullopt;
}

Result<Journal> Journal::create(const std::string& records) {
  auto last = HV_TRY(latest(records));
  HV_TRY(base::make_directories(records + "/journal"));
  uint64_t number = last ? last->number_ + 1 : 1;
  std::string directory = records + "/journal/" + base::format("{:08}", number);
  if (::mkdir(directory.c_str(), 0700) != 0)
    return Failure(Error::from_errno(errno, "begin the journal of the apply", directory));
  return Journal(std::move(directory), number);
}

Status Journal::write(const Plan& plan) const {
  json::Array steps;
  for (const Step& step : plan.steps)
    steps.push_back(json::Object{{"kind", step_name(step.kind)},
                                 {"path", encode_bytes(step.path)},
                                 {"temporary", encode_bytes(step.temporary)},
                                 {"before", to_json(step.before)},
                                 {"target_before", encode_bytes(step.target_before)},
                                 {"after", to_json(step.after)},
                                 {"preimage", step.preimage}});
  json::Array refs;
  for (const RefStep& ref : plan.refs)
    refs.push_back(json::Object{{"repository", encode_bytes(ref.repository)},
                                {"name", encode_bytes(ref.name)},
                                {"old_id", ref.old_id},
                                {"new_id", ref.new_id}});
  json::Object document{{"version", 1},
                        {"phase", phases[static_cast<size_t>(plan.phase)]},
                        {"steps", std::move(steps)},
                        {"refs", std::move(refs)}};
  return base::write_file_atomically(directory_ + "/plan", json::serialize(document) + "\n");
}

Result<Plan> Journal::read() const {
  auto text = base::read_file(directory_ + "/plan", size_t{1} << 30);
  if (!text) {
    // A crash before the first write: nothing was done.
    if (text.error().code() == base::ErrorCode::not_found) return Plan{};
    return Failure(std::move(text).error());
  }
  json::Value document = HV_TRY_CONTEXT(json::parse(*text), "read " + directory_ + "/plan");
  auto reader = HV_TRY(json::ObjectReader::over(document));
  Plan plan;
  if (HV_TRY(reader.integer("version")) != 1)
    return Failure(base::unsupported("read " + directory_ + "/plan: written by another version"));
  std::string phase = HV_TRY(reader.string("phase"));
  auto known = std::ranges::find(phases, phase);
  if (known == std::end(phases)) return Failure(base::io_error("read " + directory_ + "/plan: unknown phase"));
  plan.phase = static_cast<Plan::Phase>(known - std::begin(phases));
  const json::Value* steps = reader.member("steps");
  const json::Value* refs = reader.member("refs");
  HV_TRY(reader.finish());
  if (steps != nullptr && steps->is_array())
    for (const json::Value& step : steps->get_array())
      plan.steps.push_back(HV_TRY(step_from(step, base::format("steps[{}]", plan.steps.size()))));
  if (refs != nullptr && refs->is_array())
    for (const json::Value& value : refs->get_array()) {
      auto ref = HV_TRY(json::ObjectReader::over(value, "refs"));
      RefStep moved;
      moved.repository = HV_TRY(bytes_member(ref, "repository"));
      moved.name = HV_TRY(bytes_member(ref, "name"));
      moved.old_id = HV_TRY(ref.string("old_id"));
      moved.new_id = HV_TRY(ref.string("new_id"));
      plan.refs.push_back(std::move(moved));
      HV_TRY(ref.finish());
    }
  return plan;
}

Status Journal::remove() const {
  return base::remove_tree(directory_);
}

Status Journal::remove_preimages() const {
  Tree tree = HV_TRY(Tree::open(directory_));
  for (const std::string& name : HV_TRY(tree.list("")))
    if (name != "plan") HV_TRY(base::remove_tree(directory_ + "/" + name));
  return {};
}

Status Journal::remove_older() const {
  std::string all = directory_.substr(0, directory_.rfind('/'));
  Tree tree = HV_TRY(Tree::open(all));
  for (const std::string& name : HV_TRY(tree.list("")))
    if (name < name_of(directory_)) HV_TRY(base::remove_tree(all + "/" + name));
  return {};
}

std::string Journal::temporary_prefix() const {
  return base::format(".hydravisor-{:08}-", number_);
}

}  // namespace hv::workspace
