// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

namespace fiona {

/// A value that must not leave the process by accident: a patient's name, a password.
/// It has no formatter and no stream operator, so writing it to a log does not compile.
template <typename T>
class Private {
public:
    explicit Private(T value) : m_value{std::move(value)} {}

    /// Every call site is a place to review. `git grep reveal` lists them all.
    [[nodiscard]] const T& reveal() const noexcept { return m_value; }

private:
    T m_value;
};

} // namespace fiona
