#include "broker/outlet.h"

#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

#include "tests/unit/broker/scene.h"

using leat::Instant;
using leat::ProducerId;
using leat::broker::Outlet;
using leat::broker::testing::records_of;
using leat::broker::testing::texts_of;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

constexpr Instant kNow{1s};

// An outlet, and who has got what from it.
class Scene {
 public:
  void offer(const std::string& from, std::uint64_t number, const std::string& text) {
    wire::Delivery delivery;
    delivery.producer = producer_id(from);
    delivery.number = number;
    delivery.from = from;
    delivery.outputs.producer = delivery.producer;
    delivery.outputs.records = records_of({text});
    outlet.offer(std::move(delivery));
    advance();
  }

  void offer_last(const std::string& from, std::uint64_t number) {
    wire::Delivery delivery;
    delivery.producer = producer_id(from);
    delivery.number = number;
    delivery.from = from;
    delivery.is_last = true;
    outlet.offer(std::move(delivery));
    advance();
  }

  void open(const std::string& name, const std::string& group, const std::string& from = "") {
    (void)outlet.open({id(name), name, name, 1, group, from}, kNow);
    advance();
  }

  void take(const std::string& name, std::uint64_t delivery) {
    (void)outlet.taken(id(name), delivery, kNow);
    advance();
  }

  void close(const std::string& name) {
    outlet.close(id(name));
    advance();
  }

  void end(const std::string& producer) {
    outlet.end(producer);
    advance();
  }

  void advance() {
    for (auto& [peer, delivery] : outlet.advance()) {
      got[peer].push_back(std::move(delivery));
    }
    for (const Outlet::DoneParcel& parcel : outlet.take_done()) {
      done.push_back(parcel.delivery);
    }
  }

  std::vector<std::string> texts(const std::string& peer) {
    std::vector<std::string> all;
    for (const wire::Delivery& delivery : got[peer]) {
      for (const std::string& text : texts_of(delivery.outputs.records)) {
        all.push_back(text);
      }
    }
    return all;
  }

  static ProducerId producer_id(const std::string& name) {
    return {7, static_cast<std::uint64_t>(name.front())};
  }

  ProducerId id(const std::string& name) {
    const auto [found, is_new] = ids_.try_emplace(name, ProducerId{1, ids_.size() + 1});
    return found->second;
  }

  Outlet outlet;
  std::map<std::string, std::vector<wire::Delivery>> got;
  std::vector<std::uint64_t> done;

 private:
  std::map<std::string, ProducerId> ids_;
};

using Texts = std::vector<std::string>;
using Numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("what comes before any group waits for the first one, and only for that") {
  Scene scene;
  scene.offer("p", 1, "a");
  scene.offer("p", 2, "b");
  scene.open("c", "g");
  CHECK(scene.texts("c") == Texts{"a", "b"});
  scene.open("d", "h");
  CHECK(scene.texts("d").empty());
  scene.take("c", 2);
  CHECK(scene.done == Numbers{1, 2});
}

TEST_CASE("a parcel is done when every group that was there has taken it") {
  Scene scene;
  scene.open("c", "g");
  scene.open("d", "h");
  scene.offer("p", 1, "a");
  CHECK(scene.texts("c") == Texts{"a"});
  CHECK(scene.texts("d") == Texts{"a"});
  scene.take("c", 1);
  CHECK(scene.done.empty());
  scene.take("d", 1);
  CHECK(scene.done == Numbers{1});
  scene.take("d", 1);
  CHECK(scene.done == Numbers{1});
}

TEST_CASE("within a group each parcel goes to one consumer, in turn") {
  Scene scene;
  scene.open("c", "g");
  scene.open("d", "g");
  for (std::uint64_t i = 1; i <= 4; ++i) {
    scene.offer("p", i, std::to_string(i));
  }
  Texts all = scene.texts("c");
  const Texts others = scene.texts("d");
  all.insert(all.end(), others.begin(), others.end());
  std::sort(all.begin(), all.end());
  CHECK(all == Texts{"1", "2", "3", "4"});
}

TEST_CASE("what waited is shared by consumers of the group that it waited for") {
  Scene scene;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    scene.outlet.offer([&] {
      wire::Delivery delivery;
      delivery.producer = Scene::producer_id("p");
      delivery.number = i;
      delivery.from = "p";
      return delivery;
    }());
  }
  (void)scene.outlet.open({scene.id("c"), "c", "c", 1, "g", ""}, kNow);
  (void)scene.outlet.open({scene.id("d"), "d", "d", 1, "g", ""}, kNow);
  scene.advance();
  CHECK(scene.got["c"].size() == 2);
  CHECK(scene.got["d"].size() == 2);
}

TEST_CASE("what a consumer had not taken goes to another of its group") {
  Scene scene;
  scene.open("c", "g");
  scene.offer("p", 1, "a");
  scene.offer("p", 2, "b");
  scene.open("d", "g");
  scene.take("c", 1);
  scene.offer("p", 3, "c");
  CHECK(scene.texts("d") == Texts{"c"});
  scene.close("c");
  CHECK(scene.texts("d") == Texts{"c", "b"});
  scene.take("d", 2);
  CHECK(scene.done == Numbers{1, 3, 2});
}

TEST_CASE("what the last group had not taken waits for the next one") {
  Scene scene;
  scene.open("c", "g");
  scene.offer("p", 1, "a");
  scene.offer("p", 2, "b");
  scene.take("c", 1);
  scene.close("c");
  CHECK(scene.done == Numbers{1});
  scene.offer("p", 3, "c");
  scene.open("d", "h");
  CHECK(scene.texts("d") == Texts{"b", "c"});
  scene.take("d", 2);
  CHECK(scene.done == Numbers{1, 2, 3});
}

TEST_CASE("what a group had not taken goes with it, when there is another") {
  Scene scene;
  scene.open("c", "g");
  scene.open("d", "h");
  scene.offer("p", 1, "a");
  scene.take("d", 1);
  CHECK(scene.done.empty());
  scene.close("c");
  CHECK(scene.done == Numbers{1});
  scene.open("e", "g");
  CHECK(scene.texts("e").empty());
}

TEST_CASE("a consumer of one producer gets no other's, and is over with that one's last") {
  Scene scene;
  scene.open("c", "g", "p");
  scene.offer("q", 1, "other");
  scene.offer("p", 1, "a");
  scene.offer_last("p", 2);
  CHECK(scene.texts("c") == Texts{"a"});
  REQUIRE(scene.got["c"].size() == 2);
  CHECK_FALSE(scene.got["c"].back().is_last);
  scene.take("c", 2);
  REQUIRE(scene.got["c"].size() == 3);
  CHECK(scene.got["c"].back().is_last);
  CHECK_FALSE(scene.outlet.find("c")->is_over());
  scene.take("c", 3);
  CHECK(scene.outlet.find("c")->is_over());
}

TEST_CASE("after its producer's last a consumer gets nothing more") {
  Scene scene;
  scene.open("c", "g", "p");
  scene.offer_last("p", 1);
  scene.take("c", 1);
  scene.end("p");
  scene.offer("p", 2, "again");
  CHECK(scene.got["c"].size() == 2);
  CHECK(scene.texts("c").empty());
}

TEST_CASE("a consumer hears of its producer's end even if another had the last parcel") {
  Scene scene;
  scene.open("c", "g");
  scene.offer_last("p", 1);
  scene.open("d", "g", "p");
  CHECK(scene.got["d"].empty());
  scene.take("c", 1);
  scene.end("p");
  REQUIRE(scene.got["d"].size() == 1);
  CHECK(scene.got["d"].front().is_last);
  CHECK(scene.got["d"].front().from == "p");
  scene.take("d", 1);
  CHECK(scene.outlet.find("d")->is_over());
  // An end is nobody's parcel.
  CHECK(scene.done == Numbers{1});
}

TEST_CASE("a consumer of all producers goes on after the end of one") {
  Scene scene;
  scene.open("c", "g");
  scene.offer_last("p", 1);
  scene.offer("q", 1, "b");
  scene.take("c", 2);
  CHECK_FALSE(scene.outlet.find("c")->is_over());
  CHECK(scene.texts("c") == Texts{"b"});
}

TEST_CASE("a few MiB are under way to a consumer, and more when it takes them") {
  Scene scene;
  scene.open("c", "g");
  for (std::uint64_t i = 1; i <= 8; ++i) {
    scene.offer("p", i, std::string(std::size_t{1} << 20, 'x'));
  }
  CHECK(scene.got["c"].size() == 4);
  scene.take("c", 1);
  CHECK(scene.got["c"].size() == 5);
}

TEST_CASE("dead letters count as what is under way, too") {
  Scene scene;
  scene.open("c", "g");
  for (std::uint64_t i = 1; i <= 8; ++i) {
    wire::Delivery delivery;
    delivery.producer = Scene::producer_id("p");
    delivery.number = i;
    delivery.from = "p";
    delivery.dead_letters.resize(1);
    delivery.dead_letters.front().records = records_of({std::string(std::size_t{1} << 20, 'x')});
    scene.outlet.offer(std::move(delivery));
  }
  scene.advance();
  CHECK(scene.got["c"].size() == 4);
}

TEST_CASE("a delivery that is larger than all that may be under way goes alone") {
  Scene scene;
  scene.open("c", "g");
  scene.offer("p", 1, std::string(std::size_t{9} << 20, 'x'));
  scene.offer("p", 2, "b");
  CHECK(scene.got["c"].size() == 1);
  scene.take("c", 1);
  CHECK(scene.got["c"].size() == 2);
}

TEST_CASE("a consumer that is back gets what it has not taken, under its new epoch") {
  Scene scene;
  scene.open("c", "g");
  for (std::uint64_t i = 1; i <= 3; ++i) {
    scene.offer("p", i, std::to_string(i));
  }
  const wire::OpenSession again{.producer = "c", .epoch = 2, .taken = 1, .group = "g"};
  REQUIRE(scene.outlet.resume(again, "other", kNow));
  CHECK(scene.outlet.find("c")->opening().peer == "other");
  const auto untaken = scene.outlet.untaken(scene.id("c"));
  REQUIRE(untaken.size() == 2);
  CHECK(untaken.front().number == 2);
  CHECK(untaken.front().epoch == 2);
  CHECK(texts_of(untaken.front().outputs.records) == Texts{"2"});
  scene.advance();
  CHECK(scene.done == Numbers{1});
}

TEST_CASE("taking up a consumer is refused with an old epoch, another group or too much taken") {
  Scene scene;
  scene.open("c", "g");
  scene.offer("p", 1, "a");
  wire::OpenSession again{.producer = "c", .epoch = 1, .group = "g"};
  CHECK(scene.outlet.resume(again, "c", kNow));
  CHECK_FALSE(scene.outlet.resume(again, "other", kNow));
  again.epoch = 0;
  CHECK_FALSE(scene.outlet.resume(again, "c", kNow));
  again.epoch = 2;
  again.group = "h";
  CHECK_FALSE(scene.outlet.resume(again, "c", kNow));
  again.group = "g";
  again.from = "p";
  CHECK_FALSE(scene.outlet.resume(again, "c", kNow));
  again.from = "";
  again.taken = 2;
  CHECK_FALSE(scene.outlet.resume(again, "c", kNow));
  CHECK(scene.outlet.find("c")->opening().epoch == 1);
  again.taken = 1;
  CHECK(scene.outlet.resume(again, "c", kNow));
}

TEST_CASE("whatever consumers do, each parcel is taken once by each group, and done once") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto below = [&random](std::size_t end) { return random() % end; };
    Scene scene;
    std::map<std::string, std::string> open;                // Consumer -> group.
    std::map<std::string, std::size_t> lives;               // Of groups, that end.
    std::map<std::string, std::vector<std::string>> taken;  // Group and life -> what it took.
    std::map<std::string, std::uint64_t> how_far;           // Consumer -> delivery.
    const auto life_of = [&](const std::string& group) {
      return group + "/" + std::to_string(lives[group]);
    };
    std::uint64_t offered = 0;
    std::uint64_t names = 0;
    for (int step = 0; step < 300; ++step) {
      const bool is_stormy = step < 250;
      if (is_stormy && below(3) == 0) {
        ++offered;
        scene.offer("p", offered, std::to_string(offered));
      } else if (is_stormy && open.size() < 4 && below(4) == 0) {
        const std::string name = "c" + std::to_string(++names);
        open[name] = "g" + std::to_string(below(2));
        scene.open(name, open[name]);
      } else if (!open.empty()) {
        const auto consumer =
            std::next(open.begin(), static_cast<std::ptrdiff_t>(below(open.size())));
        const std::string name = consumer->first;
        const auto& got = scene.got[name];
        if (is_stormy && below(6) == 0) {
          const std::string group = consumer->second;
          scene.close(name);
          open.erase(consumer);
          const bool is_gone = std::none_of(
              open.begin(), open.end(), [&](const auto& other) { return other.second == group; });
          if (is_gone) ++lives[group];
          continue;
        }
        if (how_far[name] == got.size()) continue;
        const std::uint64_t to = how_far[name] + 1 + below(got.size() - how_far[name]);
        for (std::uint64_t i = how_far[name]; i < to; ++i) {
          taken[life_of(consumer->second)].push_back(texts_of(got[i].outputs.records).front());
        }
        how_far[name] = to;
        scene.take(name, to);
      }
    }
    for (auto& [group, texts] : taken) {
      std::sort(texts.begin(), texts.end());
      CHECK(std::adjacent_find(texts.begin(), texts.end()) == texts.end());
    }
    scene.open("last", "g0");
    scene.open("very-last", "g1");
    for (int i = 0; i < 3; ++i) {
      for (const auto& [id, consumer] : scene.outlet.consumers()) {
        scene.outlet.taken(id, ~std::uint64_t{0}, kNow);
      }
      scene.advance();
    }
    std::sort(scene.done.begin(), scene.done.end());
    std::vector<std::uint64_t> all(offered);
    std::generate(all.begin(), all.end(), [n = std::uint64_t{0}]() mutable { return ++n; });
    CHECK(scene.done == all);
  }
}
