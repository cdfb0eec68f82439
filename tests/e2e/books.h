// SPDX-License-Identifier: MIT
#pragma once

#include "tests/e2e/pipeline.h"

#include <cstddef>
#include <filesystem>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <vector>

/// What went into a pipeline, and what of it is where: by name, and the archive by content too. Not how many there
/// are, for one that is lost and one that is nobody's would make the number right again.
class Books {
public:
    /// The pipeline is borrowed.
    explicit Books(Pipeline& pipeline) : m_pipeline{&pipeline} {}

    /// The objects of one study, all of which were taken. Returns its StudyInstanceUID.
    std::string enter(const std::filesystem::path& directory);
    void enter_participant(const std::string& participant) { m_participants.insert(participant); }

    struct Account {
        std::size_t expected = 0;
        std::size_t lost = 0;    ///< expected, and not there
        std::size_t doubled = 0; ///< there once more than they should be
        std::size_t strange = 0; ///< there, and expected by nobody
        std::size_t damaged = 0; ///< there with other pixels than were sent, or no DICOM

        friend bool operator==(const Account&, const Account&) = default;
        friend std::ostream& operator<<(std::ostream& stream, const Account& account);
        [[nodiscard]] bool is_balanced() const { return lost + doubled + strange + damaged == 0; }
    };
    [[nodiscard]] static Account compared(const std::set<std::string>& expected,
                                          const std::multiset<std::string>& found);

    /// archive, links, research PACS, INCOMING studies, INCOMING series, INCOMING transfers, project.
    [[nodiscard]] std::map<std::string, Account> accounts() const;
    /// What nobody may leave behind when all is done: work, or parts of files under names that count.
    [[nodiscard]] std::vector<std::string> left_behind() const;

private:
    struct Object {
        std::string study, series;
        std::string pixels_sha256;
    };

    [[nodiscard]] std::map<std::string, std::filesystem::path> archive_by_sop() const;
    [[nodiscard]] Account archive() const;
    [[nodiscard]] Account links() const;
    [[nodiscard]] Account research_pacs() const;
    [[nodiscard]] std::set<std::string> studies(const std::string& suffix) const;

    Pipeline* m_pipeline;
    std::map<std::string, Object> m_objects; ///< by SOP instance UID
    std::set<std::string> m_participants;
};
