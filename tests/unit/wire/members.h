// The members of any plain struct without a list of them: for_each_member calls a function with
// each in turn, so that a test covers a field from the moment at which it is declared.

#pragma once

#include <cstddef>
#include <utility>

namespace leat::wire::testing {

struct ConvertsToAny {
  template <class T>
  operator T() const;  // Never defined: for questions about types alone.
};

template <class T, std::size_t... kIndices>
constexpr bool takes(std::index_sequence<kIndices...>) {
  return requires { T{(static_cast<void>(kIndices), ConvertsToAny{})...}; };
}

template <class T, std::size_t kCount = 16>
constexpr std::size_t member_count() {
  if constexpr (kCount == 0 || takes<T>(std::make_index_sequence<kCount>{})) {
    return kCount;
  } else {
    return member_count<T, kCount - 1>();
  }
}

// `visit` is called with a member of a and the same one of b.
template <class T, class Visit>
void for_each_member(T& a, T& b, Visit visit) {
  constexpr std::size_t kCount = member_count<std::remove_const_t<T>>();
  static_assert(kCount <= 15, "add a case below");
  const auto pairs = [&visit](auto&&... of_a) {
    return [&visit, &of_a...](auto&&... of_b) { (visit(of_a, of_b), ...); };
  };
  if constexpr (kCount == 1) {
    auto& [a1] = a;
    auto& [b1] = b;
    pairs(a1)(b1);
  } else if constexpr (kCount == 2) {
    auto& [a1, a2] = a;
    auto& [b1, b2] = b;
    pairs(a1, a2)(b1, b2);
  } else if constexpr (kCount == 3) {
    auto& [a1, a2, a3] = a;
    auto& [b1, b2, b3] = b;
    pairs(a1, a2, a3)(b1, b2, b3);
  } else if constexpr (kCount == 4) {
    auto& [a1, a2, a3, a4] = a;
    auto& [b1, b2, b3, b4] = b;
    pairs(a1, a2, a3, a4)(b1, b2, b3, b4);
  } else if constexpr (kCount == 5) {
    auto& [a1, a2, a3, a4, a5] = a;
    auto& [b1, b2, b3, b4, b5] = b;
    pairs(a1, a2, a3, a4, a5)(b1, b2, b3, b4, b5);
  } else if constexpr (kCount == 6) {
    auto& [a1, a2, a3, a4, a5, a6] = a;
    auto& [b1, b2, b3, b4, b5, b6] = b;
    pairs(a1, a2, a3, a4, a5, a6)(b1, b2, b3, b4, b5, b6);
  } else if constexpr (kCount == 7) {
    auto& [a1, a2, a3, a4, a5, a6, a7] = a;
    auto& [b1, b2, b3, b4, b5, b6, b7] = b;
    pairs(a1, a2, a3, a4, a5, a6, a7)(b1, b2, b3, b4, b5, b6, b7);
  } else if constexpr (kCount == 8) {
    auto& [a1, a2, a3, a4, a5, a6, a7, a8] = a;
    auto& [b1, b2, b3, b4, b5, b6, b7, b8] = b;
    pairs(a1, a2, a3, a4, a5, a6, a7, a8)(b1, b2, b3, b4, b5, b6, b7, b8);
  } else if constexpr (kCount == 9) {
    auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9] = a;
    auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9] = b;
    pairs(a1, a2, a3, a4, a5, a6, a7, a8, a9)(b1, b2, b3, b4, b5, b6, b7, b8, b9);
  } else if constexpr (kCount == 10) {
    auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10] = a;
    auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10] = b;
    pairs(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10)(b1, b2, b3, b4, b5, b6, b7, b8, b9, b10);
  } else if constexpr (kCount == 11) {
    auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11] = a;
    auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11] = b;
    pairs(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11)(b1, b2, b3, b4, b5, b6, b7, b8, b9, b10,
                                                        b11);
  } else if constexpr (kCount == 12) {
    auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12] = a;
    auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12] = b;
    pairs(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12)(b1, b2, b3, b4, b5, b6, b7, b8, b9,
                                                             b10, b11, b12);
  } else if constexpr (kCount == 15) {
    auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15] = a;
    auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15] = b;
    pairs(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15)(
        b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15);
  } else {
    static_assert(kCount == 0, "add a case");
  }
}

}  // namespace leat::wire::testing
