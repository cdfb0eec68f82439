// SPDX-License-Identifier: MIT
// Select statements, as people type them: refused, or every data set that is chosen holds candidates, each
// once, in an order that does not depend on theirs.
#include "libfiona/base/error.h"
#include "libfiona/jobs/select_evaluation.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <set>

using namespace fiona;

namespace {

jobs::Candidate series(const char* patient, const char* study, const char* uid,
                       const char* modality)
{
    return {.study = StudyUid{study},
            .series = SeriesUid{uid},
            .patient_id = Private<std::string>{patient},
            .patient_name = Private<std::string>{patient},
            .values =
                [modality](const jobs::SelectTag& tag) -> std::optional<std::vector<std::string>> {
                if (tag.name == "Modality") {
                    return std::vector<std::string>{modality};
                }
                if (tag.name == "NumImages") {
                    return std::vector<std::string>{"3"};
                }
                return std::nullopt;
            }};
}

std::vector<std::vector<std::string>> chosen(const jobs::Statement& statement,
                                             const std::vector<jobs::Candidate>& all)
{
    std::vector<std::vector<std::string>> names;
    for (const auto& set : jobs::select_sets(statement, all)) {
        promise(!set.empty());
        auto& uids = names.emplace_back();
        for (const auto& member : set) {
            promise(member.candidate < all.size());
            uids.push_back(all[member.candidate].series.str());
        }
    }
    return names;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    for (const auto precedence : {jobs::Precedence::left_to_right, jobs::Precedence::strict}) {
        try {
            const auto statement = jobs::parse_statement(as_text(data, size), precedence);
            promise(!statement.clauses.empty());
            std::vector<jobs::Candidate> all{series("B", "1.2", "1.2.1", "MR"),
                                             series("A", "1.3", "1.3.1", "CT"),
                                             series("A", "1.3", "1.3.2", "MR")};
            const auto sets = chosen(statement, all);
            std::multiset<std::string> members;
            for (const auto& set : sets) {
                members.insert(set.begin(), set.end());
            }
            promise(std::ranges::all_of(members,
                                        [&](const auto& uid) { return members.count(uid) == 1; }));
            std::ranges::reverse(all);
            promise(chosen(statement, all) == sets);
        } catch (const Error& e) {
            promise(e.fault() == Fault::data);
        }
    }
    return 0;
}
