// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/triggers/dispatcher.h"
#include "libfiona/triggers/program.h"

#include <optional>
#include <string>
#include <vector>

namespace fiona::triggers {

/// The events and actions a site has: its own, and the built-in ones where none of its own has their name.
class Catalogue {
public:
    /// `wishes` must live as long as the catalogue.
    explicit Catalogue(const Wishes& wishes);

    /// One for each directory that is no program.
    [[nodiscard]] const std::vector<std::string>& complaints() const { return m_complaints; }
    /// All of that name. Throw Error{Fault::data} if there is none.
    [[nodiscard]] std::vector<Program> events(const std::string& name) const;
    [[nodiscard]] std::vector<Program> actions(const std::string& name) const;

    /// As ask() and compose(). In a dry run a letter of the site's own action is empty: its program is
    /// not run.
    [[nodiscard]] Answer answer_of(const Link& link, const Program& event,
                                   const json::Value& memory, TimePoint now) const;
    [[nodiscard]] std::optional<Letter> letter_of(const Link& link, const Program& action,
                                                  const Firing& firing) const;

private:
    const Wishes& m_wishes;
    std::vector<std::string> m_complaints;
    std::vector<Program> m_events;
    std::vector<Program> m_actions;
};

[[nodiscard]] bool is_built_in(const Program& program);

} // namespace fiona::triggers
