// SPDX-License-Identifier: MIT
#include "libfiona/export/pull.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/export/move_receiver.h"
#include "libfiona/pacs/retrieve.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

namespace fiona::exports {

namespace fs = std::filesystem;

namespace {

struct Announced {
    std::string study_date;
    std::size_t objects = 0;
};

bool differs(std::string_view asked, std::string_view answered)
{
    return !trimmed(asked).empty() && !trimmed(answered).empty()
           && trimmed(asked) != trimmed(answered);
}

Announced ask_for_study(pacs::QuerySession& session, const ExportJob& job)
{
    std::vector<pacs::Keys> answers;
    const auto result = session.find(pacs::Level::study,
                                     {{"StudyInstanceUID", job.study.str()},
                                      {"PatientID", ""},
                                      {"AccessionNumber", ""},
                                      {"StudyDate", ""},
                                      {"NumberOfStudyRelatedInstances", ""}},
                                     [&](const pacs::Keys& answer) {
                                         answers.push_back(answer);
                                         return pacs::Next::more;
                                     });
    if (result.ending != pacs::Ending::complete) {
        throw Error{Fault::protocol, "{} does not answer about the study: {}",
                    session.peer().called_aet, pacs::describe(result.ending, result.status)};
    }
    std::erase_if(answers, [&](const pacs::Keys& answer) {
        return answer.at("StudyInstanceUID") != job.study.str(); // it was asked for one
    });
    if (answers.empty()) {
        throw Error{Fault::missing, "{} has no such study", session.peer().called_aet};
    }
    const auto& answer = answers.front();
    if (differs(job.participant, answer.at("PatientID"))) {
        throw Error{Fault::data, "the study is of another participant than asked for"};
    }
    if (differs(job.accession.reveal(), answer.at("AccessionNumber"))) {
        throw Error{Fault::data, "the study has another accession number than asked for"};
    }
    Announced announced{.study_date = answer.at("StudyDate")};
    const auto& count = answer.at("NumberOfStudyRelatedInstances");
    std::from_chars(count.data(), count.data() + count.size(), announced.objects);
    return announced;
}

/// SOP instance UIDs of `<MOD>.<SOPInstanceUID>`.
std::set<std::string> objects_in(const fs::path& directory)
{
    std::set<std::string> objects;
    for (const auto& entry : fs::directory_iterator{directory}) {
        const auto name = entry.path().filename().native();
        const auto dot = name.find('.');
        if (entry.is_regular_file() && dot != std::string::npos && dot > 0
            && is_uid(std::string_view{name}.substr(dot + 1))) {
            objects.insert(name.substr(dot + 1));
        }
    }
    return objects;
}

class Pull {
public:
    Pull(const ExportSettings& settings, const ExportJob& job, const fs::path& directory,
         const OnObjects& on_objects)
        : m_settings{settings}, m_job{job}, m_directory{directory}, m_on_objects{on_objects}
    {
    }

    Pulled go()
    {
        pacs::QuerySession session{m_settings.pacs};
        const auto announced = ask_for_study(session, m_job);
        const auto holdings = pacs::find_holdings(session, {m_job.study});
        std::map<std::string, std::vector<pacs::Holding>> series;
        for (const auto& holding : holdings) {
            m_listed.insert(holding.sop);
            series[holding.series].push_back(holding);
        }
        m_expected = std::max(announced.objects, m_listed.size());
        remove_strangers();
        for (const auto& [uid, objects] : series) {
            m_on_objects(objects_in(m_directory).size(), m_expected);
            fetch(SeriesUid{uid}, objects);
        }
        const auto here = objects_in(m_directory);
        m_on_objects(here.size(), m_expected);
        if (here.size() != m_expected || here.empty()) {
            throw Error{Fault::temporary,
                        "{} gave {} of {} objects{}{}",
                        m_settings.pacs.called_aet,
                        here.size(),
                        m_expected,
                        m_complaint.empty() ? "" : "; ",
                        m_complaint};
        }
        return {announced.study_date, files()};
    }

private:
    /// What the PACS no longer lists: of an earlier attempt.
    void remove_strangers() const
    {
        std::vector<fs::path> strangers;
        for (const auto& entry : fs::directory_iterator{m_directory}) {
            const auto name = entry.path().filename().native();
            if (!m_listed.contains(name.substr(std::min(name.find('.'), name.size() - 1) + 1))) {
                strangers.push_back(entry.path());
            }
        }
        for (const auto& stranger : strangers) {
            fs::remove(stranger);
        }
    }

    void fetch(const SeriesUid& series, const std::vector<pacs::Holding>& objects)
    {
        const auto here = objects_in(m_directory);
        if (std::ranges::all_of(objects,
                                [&](const auto& object) { return here.contains(object.sop); })) {
            return;
        }
        const pacs::Wanted wanted{m_job.study, series};
        const auto result = [&] {
            if (m_settings.retrieve == ExportSettings::Retrieve::get) {
                return pacs::get(m_settings.pacs, wanted, objects, m_directory);
            }
            if (!m_receiver) {
                m_receiver.emplace(m_settings);
            }
            auto moved = pacs::move(m_settings.pacs, wanted, objects, *m_settings.move_aet);
            m_receiver->hand_over(m_job.study, m_directory);
            return moved;
        }();
        if (!result.is_complete()) {
            m_complaint = fmt::format("a series: {}, {} failed, {} refused by us",
                                      pacs::describe(result.ending, result.status), result.failed,
                                      result.refused);
            log::warn("series_incomplete", {{"series", series}, {"reason", m_complaint}});
        }
    }

    [[nodiscard]] std::vector<fs::path> files() const
    {
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator{m_directory}) {
            files.push_back(entry.path());
        }
        std::ranges::sort(files);
        return files;
    }

    const ExportSettings& m_settings;
    const ExportJob& m_job;
    const fs::path& m_directory;
    const OnObjects& m_on_objects;
    std::set<std::string> m_listed;
    std::size_t m_expected = 0;
    std::string m_complaint;
    std::optional<MoveReceiver> m_receiver;
};

} // namespace

Pulled pull(const ExportSettings& settings, const ExportJob& job, const fs::path& directory,
            const OnObjects& on_objects)
{
    return Pull{settings, job, directory, on_objects}.go();
}

} // namespace fiona::exports
