// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/query.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// A provider of queries made with DCMTK that answers what a test wants, in a thread of the test.
class ScriptedFinder {
public:
    struct Answer {
        std::vector<fiona::pacs::Keys> matches;
        std::uint16_t status = 0; ///< of the last answer
        bool drop = false;        ///< closes the connection behind the matches
    };
    /// What it knows of a query: its level and the values of the keys.
    using Script = std::function<Answer(const std::string& level, const fiona::pacs::Keys& keys)>;

    explicit ScriptedFinder(Script script);
    ~ScriptedFinder();

    [[nodiscard]] fiona::pacs::Peer peer() const;
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::size_t associations() const;
    [[nodiscard]] std::size_t queries() const;
    [[nodiscard]] std::size_t cancels() const;
    [[nodiscard]] std::size_t sent() const; ///< pending answers
    /// Closes the connection that is open now, as if its time were over.
    void hang_up();

private:
    struct Data;
    std::unique_ptr<Data> m_data;
};

/// How an archive behaves that has more matches than it wants to answer.
enum class TooMany {
    refuse,        ///< A700, no match
    give_up,       ///< C001, no match
    cut,           ///< the first ones, then FE00
    cut_in_secret, ///< the first ones, then success
};

/// A script: studies of a list, matched by StudyDate (range), PatientID (wildcard at the end), StudyInstanceUID
/// (list) and InstitutionName; at most `limit` answers.
[[nodiscard]] ScriptedFinder::Script archive_of(std::vector<fiona::pacs::Keys> studies,
                                                std::size_t limit = 0,
                                                TooMany behaviour = TooMany::refuse);
