#include "spec/link_stages.h"

#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "spec/values.h"

namespace leat::spec {

namespace {

// Of a draft; kNone for the source before the first stage and the sink behind the last.
using Index = std::size_t;

constexpr Index kNone = std::numeric_limits<Index>::max();

std::optional<std::size_t> place_of_last(const std::vector<Index>& order) {
  if (order.empty()) return std::nullopt;
  return order.size() - 1;
}

class Linker {
 public:
  explicit Linker(const std::vector<StageDraft>& drafts)
      : drafts_(drafts), feeder_(drafts.size(), kNone), fed_(drafts.size(), kNone) {}

  Read<Links> link() {
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      if (auto named = add_name(i); !named) return tl::unexpected(named.error());
    }
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      if (auto linked = add_edge(i); !linked) return tl::unexpected(linked.error());
    }
    return in_order();
  }

 private:
  Read<void> add_name(std::size_t i) {
    const Name& name = drafts_[i].name;
    const auto [first, is_new] = by_name_.emplace(name.text, i);
    if (is_new) return {};
    return fault(name.mark, "found the stage name " + quoted(name.text) +
                                " a second time, expected another: the first is in line " +
                                std::to_string(drafts_[first->second].name.mark.line + 1));
  }

  [[nodiscard]] Read<Index> feeder_of(std::size_t i) const {
    const auto& from = drafts_[i].from;
    if (!from) return i == 0 ? kNone : i - 1;
    const auto found = by_name_.find(from->text);
    if (found != by_name_.end()) return found->second;
    std::vector<std::string_view> names;
    names.reserve(drafts_.size());
    for (const StageDraft& draft : drafts_) {
      names.emplace_back(draft.name.text);
    }
    return fault(from->mark, "found the unknown stage " + quoted(from->text) +
                                 ", expected the name of another stage" +
                                 suggestion(from->text, names));
  }

  [[nodiscard]] Mark place_of_feeder(std::size_t i) const {
    const auto& from = drafts_[i].from;
    return from ? from->mark : drafts_[i].name.mark;
  }

  Read<void> add_edge(std::size_t i) {
    const auto feeder = feeder_of(i);
    if (!feeder) return tl::unexpected(feeder.error());
    feeder_[i] = *feeder;
    if (*feeder == kNone) return {};
    Index& fed = fed_[*feeder];
    if (fed != kNone) {
      return fault(place_of_feeder(i), "found " + name(i) + " fed by " + name(*feeder) +
                                           ", which feeds " + name(fed) +
                                           ", expected one stage after each: branching is not "
                                           "built yet");
    }
    fed = i;
    return {};
  }

  // Every stage is fed by at most one and feeds at most one: a chain from the source, and what it
  // does not reach goes round in circles.
  Read<Links> in_order() {
    Links links;
    std::vector<bool> is_reached(drafts_.size(), false);
    for (Index i = source(); i != kNone; i = fed_[i]) {
      is_reached[i] = true;
      links.from.push_back(place_of_last(links.order));
      links.order.push_back(i);
    }
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      if (!is_reached[i]) {
        return fault(place_of_feeder(i),
                     "found a cycle: " + circle(i) +
                         ", expected stages that lead from the source to the sink");
      }
    }
    return links;
  }

  [[nodiscard]] Index source() const {
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      if (feeder_[i] == kNone) return i;
    }
    return kNone;
  }

  // "'a' is fed by 'b', which is fed by 'a'".
  [[nodiscard]] std::string circle(std::size_t begin) const {
    std::string text = name(begin) + " is fed by " + name(feeder_[begin]);
    for (std::size_t i = feeder_[begin]; i != begin; i = feeder_[i]) {
      text += ", which is fed by " + name(feeder_[i]);
    }
    return text;
  }

  [[nodiscard]] std::string name(std::size_t i) const { return quoted(drafts_[i].name.text); }

  const std::vector<StageDraft>& drafts_;
  std::map<std::string_view, std::size_t> by_name_;
  std::vector<Index> feeder_;  // By draft: what feeds it.
  std::vector<Index> fed_;     // By draft: what it feeds.
};

}  // namespace

Read<Links> link_stages(const std::vector<StageDraft>& drafts) {
  return Linker(drafts).link();
}

}  // namespace leat::spec
