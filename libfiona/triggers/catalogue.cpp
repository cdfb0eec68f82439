// SPDX-License-Identifier: MIT
#include "libfiona/triggers/catalogue.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/triggers/arrivals.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace fiona::triggers {

namespace fs = std::filesystem;

namespace {

/// A directory for one program, gone with the object.
class WorkDirectory {
public:
    explicit WorkDirectory(const fs::path& base)
    {
        make_directories(base);
        std::string name = base / "trigger-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw os_error(errno, "make a directory for a program");
        }
        m_path = name;
    }
    WorkDirectory(const WorkDirectory&) = delete;
    WorkDirectory& operator=(const WorkDirectory&) = delete;
    ~WorkDirectory()
    {
        std::error_code ignored; // what is left there is private, and goes with other old work
        fs::remove_all(m_path, ignored);
    }
    [[nodiscard]] const fs::path& path() const { return m_path; }

private:
    fs::path m_path;
};

Surroundings surroundings(const Wishes& wishes, const WorkDirectory& work)
{
    return {work.path(), wishes.log, wishes.time_limit};
}

std::vector<Program> with_built_in(Programs found, const char* name,
                                   std::vector<std::string>& complaints)
{
    std::ranges::move(found.complaints, std::back_inserter(complaints));
    if (std::ranges::find(found.programs, name, &Program::name) == found.programs.end()) {
        Program program;
        program.name = name;
        program.directory = std::string{"built-in:"} + name;
        program.api = 2;
        found.programs.push_back(std::move(program));
    }
    return std::move(found.programs);
}

std::vector<Program> named(const std::vector<Program>& all, const std::string& name,
                           std::string_view kind)
{
    std::vector<Program> matching;
    std::ranges::copy_if(all, std::back_inserter(matching),
                         [&](const Program& program) { return program.name == name; });
    if (matching.empty()) {
        throw Error{Fault::data, "there is no {} of that name", kind};
    }
    return matching;
}

} // namespace

bool is_built_in(const Program& program)
{
    return program.script.empty();
}

Catalogue::Catalogue(const Wishes& wishes)
    : m_wishes{wishes}, m_events{with_built_in(find_programs(wishes.events), data_arrived_name,
                                               m_complaints)},
      m_actions{with_built_in(find_programs(wishes.actions), study_list_name, m_complaints)}
{
}

std::vector<Program> Catalogue::events(const std::string& name) const
{
    return named(m_events, name, "event");
}

std::vector<Program> Catalogue::actions(const std::string& name) const
{
    return named(m_actions, name, "action");
}

Answer Catalogue::answer_of(const Link& link, const Program& event, const json::Value& memory,
                            TimePoint now) const
{
    if (is_built_in(event)) {
        if (link.parameters.empty()) {
            throw Error{Fault::data, "{} needs projects as parameters", event.name};
        }
        return data_arrived(m_wishes.audit, {link.parameters.begin(), link.parameters.end()},
                            memory, now);
    }
    const WorkDirectory work{m_wishes.work};
    return ask(event, link, memory, surroundings(m_wishes, work), iso8601_utc(now));
}

std::optional<Letter> Catalogue::letter_of(const Link& link, const Program& action,
                                           const Firing& firing) const
{
    if (is_built_in(action)) {
        return study_list(firing);
    }
    if (m_wishes.mode == Mode::dry_run) {
        return Letter{};
    }
    const WorkDirectory work{m_wishes.work};
    return compose(action, link, firing, surroundings(m_wishes, work));
}

} // namespace fiona::triggers
