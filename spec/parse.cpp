#include "spec/parse.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/position.h"
#include "spec/link_stages.h"
#include "spec/plain_text.h"
#include "spec/read_framing.h"
#include "spec/read_limits.h"
#include "spec/read_stage.h"
#include "spec/values.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

namespace {

constexpr std::size_t kStagesMax = 256;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct PipelineDraft {
  std::string name;
  framing::Framing framing;
  Limits limits;
  const YamlValue* stages = nullptr;  // Read when all else is.
};

// Checked before anything else.
Read<void> skip_version(const YamlValue& /*yaml*/, PipelineDraft& /*draft*/) {
  return {};
}

Read<void> keep_stages(const YamlValue& yaml, PipelineDraft& draft) {
  if (yaml.kind != YamlValue::Kind::kList || yaml.items.empty()) {
    return unexpected_value(yaml, "a list of at least one stage");
  }
  if (yaml.items.size() > kStagesMax) {
    return fault(yaml.mark, "found " + std::to_string(yaml.items.size()) +
                                " stages, expected at most " + std::to_string(kStagesMax));
  }
  draft.stages = &yaml;
  return {};
}

constexpr std::array<Key<PipelineDraft>, 5> kPipelineKeys = {
    {{"version", skip_version},
     {"pipeline", [](const YamlValue& yaml,
                     PipelineDraft& draft) { return store(draft.name, read_name(yaml)); }},
     {"framing", [](const YamlValue& yaml,
                    PipelineDraft& draft) { return store(draft.framing, read_framing(yaml)); }},
     {"limits", [](const YamlValue& yaml,
                   PipelineDraft& draft) { return store(draft.limits, read_limits(yaml)); }},
     {"stages", keep_stages}}};

Read<void> check_version(const YamlValue& root) {
  const YamlValue::Entry* version = root.find("version");
  if (version == nullptr) return {};
  const YamlValue& yaml = version->value;
  if (yaml.kind == YamlValue::Kind::kScalar && yaml.text == "1") return {};
  return fault(yaml.mark, "found a spec of version " + describe(yaml) +
                              ", expected version 1, the only one that this Leat reads");
}

Read<PipelineDraft> read_pipeline(const YamlValue& root) {
  PipelineDraft draft;
  if (root.kind == YamlValue::Kind::kNothing) {
    return fault({}, "found an empty file, expected a pipeline: the keys pipeline and stages");
  }
  if (auto known = check_version(root); !known) return tl::unexpected(known.error());
  if (auto read = read_map<PipelineDraft>(root, "a pipeline", kPipelineKeys, draft); !read) {
    return tl::unexpected(read.error());
  }
  if (draft.name.empty()) {
    return fault(root.mark, "found no name of the pipeline, expected pipeline: WORD");
  }
  if (draft.stages == nullptr) {
    return fault(root.mark, "found a pipeline without stages, expected stages: a list of them");
  }
  return draft;
}

Read<std::vector<StageDraft>> read_stages(const YamlValue& list, const StageContext& context) {
  std::vector<StageDraft> drafts;
  for (const YamlValue& item : list.items) {
    auto draft = read_stage(item, context);
    if (!draft) return tl::unexpected(draft.error());
    drafts.push_back(*std::move(draft));
  }
  return drafts;
}

Pipeline assemble(PipelineDraft draft, std::vector<StageDraft> stages, Links links) {
  Pipeline pipeline;
  pipeline.name = std::move(draft.name);
  pipeline.limits = draft.limits;
  for (const std::size_t i : links.order) {
    pipeline.stages.push_back(std::move(stages[i].stage));
  }
  pipeline.from = std::move(links.from);
  pipeline.source_framing = pipeline.stages.front().input;
  pipeline.sink_framing = pipeline.stages.back().output;
  return pipeline;
}

// All modes but each may make outputs children of a record: there is a limit to that.
constexpr std::size_t kBranchingStagesMax = Position::kDepthMax - 1;

Read<void> check_depth(const std::vector<StageDraft>& stages) {
  std::size_t branching = 0;
  for (const StageDraft& draft : stages) {
    if (draft.stage.mode == Mode::kEach || ++branching <= kBranchingStagesMax) continue;
    return fault(draft.name.mark,
                 "found one more stage of mode filter, tagged or window, expected at most " +
                     std::to_string(kBranchingStagesMax) + " in a pipeline");
  }
  return {};
}

// A tool that takes its record as an argument, or within a request, reads no framing; that of the
// first stage says how the client's stream is cut.
Read<void> check_inputs(const std::vector<StageDraft>& stages, const Links& links) {
  for (std::size_t place = 0; place < links.order.size(); ++place) {
    const StageDraft& draft = stages[links.order[place]];
    const bool has_holes = !draft.stage.holes.empty();
    const bool is_tagged = draft.stage.mode == Mode::kTagged;
    const bool reads_none = has_holes || draft.stage.langpack || is_tagged;
    if (!links.from[place] || !reads_none || !draft.input) continue;
    return fault(*draft.input, std::string("found an input framing beside ") +
                                   (has_holes   ? "'{}' in run"
                                    : is_tagged ? "mode tagged"
                                                : "preset langpack") +
                                   ", expected none: the record goes there as it is");
  }
  return {};
}

// Behind a stage nobody can tell which record is a producer's first: it may have become nothing, or
// several.
Read<void> check_preludes(const std::vector<StageDraft>& stages, const Links& links) {
  for (std::size_t place = 0; place < links.order.size(); ++place) {
    const StageDraft& draft = stages[links.order[place]];
    if (!links.from[place] || !draft.keep) continue;
    return fault(*draft.keep,
                 "found keep: true in a stage that another feeds, expected it in the first stage "
                 "only, where it is known which record is the first; without keep the banner is "
                 "dropped");
  }
  return {};
}

Read<Pipeline> parse_text(std::string_view text, const std::string& directory) {
  const auto root = read_yaml(text);
  if (!root) return tl::unexpected(root.error());
  auto draft = read_pipeline(*root);
  if (!draft) return tl::unexpected(draft.error());
  auto stages = read_stages(*draft->stages, {directory, draft->framing, draft->limits});
  if (!stages) return tl::unexpected(stages.error());
  auto links = link_stages(*stages);
  if (!links) return tl::unexpected(links.error());
  if (auto deep = check_depth(*stages); !deep) return tl::unexpected(deep.error());
  if (auto read = check_inputs(*stages, *links); !read) return tl::unexpected(read.error());
  if (auto kept = check_preludes(*stages, *links); !kept) return tl::unexpected(kept.error());
  Pipeline pipeline = assemble(*std::move(draft), *std::move(stages), *std::move(links));
  pipeline.directory = directory;
  return pipeline;
}

// Columns as editors count them: in characters.
std::size_t character_column(std::string_view text, Mark mark) {
  for (std::size_t line = 0; line < mark.line; ++line) {
    const std::size_t newline = text.find('\n');
    if (newline == std::string_view::npos) return 0;
    text.remove_prefix(newline + 1);
  }
  return count_characters(text.substr(0, mark.column));
}

// "FILE:LINE:COLUMN", counted from 1.
std::string place(const Source& source, std::string_view text, Mark mark) {
  return source.file + ":" + std::to_string(mark.line + 1) + ":" +
         std::to_string(character_column(text, mark) + 1);
}

}  // namespace

Result<Pipeline> parse(const Source& source) {
  std::string_view text = source.text;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (!source.directory.starts_with('/')) {
    return failure(Errc::kInvalidArgument, source.file + ":1:1: found the directory " +
                                               quoted(source.directory) +
                                               ", expected an absolute one");
  }
  auto pipeline = parse_text(text, source.directory);
  if (pipeline) return *std::move(pipeline);
  const Fault& fault = pipeline.error();
  return failure(Errc::kMalformed, place(source, text, fault.mark) + ": " + fault.message);
}

}  // namespace leat::spec
