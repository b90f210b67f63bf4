# line: push to another project on the allowed GitLab host
# control: works
# inside: curl 56
# seen: http gitlab GET /api/v4/projects/1/variables
# journal: network/tunnel
curl --silent --insecure --output /dev/null --max-time 10 --header "JOB-TOKEN: made-up-job-token" https://gitlab.example/api/v4/projects/1/variables
status=$?
[ $status = 0 ] && echo "result: works" || echo "result: curl $status"
